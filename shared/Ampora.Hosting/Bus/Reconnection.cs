using System.Runtime.CompilerServices;
using MassTransit;
using MassTransit.RabbitMqTransport.Configuration;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Lets consumers come back about a second after the broker does. MassTransit 8 waits 3 to 30 s between attempts, longer after each loss of
/// the connection in the life of the process, gives up for ever on some errors, and has no setting for any of it: the policy is a
/// field that nothing public sets. The version is pinned, and a test restarts a broker twenty times.
/// </summary>
internal sealed class Reconnection
{
    private RabbitMqHostConfiguration? _host;

    /// <summary>Sets the bus up so that it connects again at once.</summary>
    public void AtOnce(IRabbitMqBusFactoryConfigurator rabbit)
    {
        _host = (RabbitMqHostConfiguration)HostConfiguration((RabbitMqBusFactoryConfigurator)rabbit);
        // No delay of its own: the receive transport pauses one second between attempts anyway.
        Policy(_host) = Retry.CreatePolicy(retry => retry.Immediate(int.MaxValue));
    }

    /// <summary>Gives the process's connection up, with every channel on it; whoever needs one gets a new one.</summary>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        if (_host is not null)
            await _host.ConnectionContextSupervisor.Stop("renewed", cancellationToken).WaitAsync(cancellationToken);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_hostConfiguration")]
    private static extern ref IRabbitMqHostConfiguration HostConfiguration(RabbitMqBusFactoryConfigurator configurator);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<ReceiveTransportRetryPolicy>k__BackingField")]
    private static extern ref IRetryPolicy Policy(RabbitMqHostConfiguration host);
}
