using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport.Configuration;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Lets consumers come back about a second after the broker does. MassTransit 8 waits 3 to 30 s between attempts, longer after each loss of
/// the connection in the life of the process, gives up for ever on some errors, and has no setting for any of it: the policy is a
/// field that nothing public sets. The version is pinned, and a test restarts a broker twenty times.
/// </summary>
internal static class Reconnection
{
    public static void AtOnce(IRabbitMqBusFactoryConfigurator rabbit)
    {
        // No delay of its own: the receive transport pauses one second between attempts anyway.
        Policy((RabbitMqHostConfiguration)HostConfiguration((RabbitMqBusFactoryConfigurator)rabbit)) = Retry.CreatePolicy(retry => retry.Immediate(int.MaxValue));
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_hostConfiguration")]
    private static extern ref IRabbitMqHostConfiguration HostConfiguration(RabbitMqBusFactoryConfigurator configurator);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<ReceiveTransportRetryPolicy>k__BackingField")]
    private static extern ref IRetryPolicy Policy(RabbitMqHostConfiguration host);
}
