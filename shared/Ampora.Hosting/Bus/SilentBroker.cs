using MassTransit;
using MassTransit.RabbitMqTransport;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Turns a step of a consumer's set-up that the broker did not answer into a failure, which is tried again. The client ends it by cancelling,
/// and MassTransit takes every cancellation for the process's wish to stop: the consumer would stay away for the life of the process.
/// </summary>
internal sealed class SilentBroker : IEndpointConfigurationObserver, IFilter<ChannelContext>
{
    // Of every endpoint, also of the one that takes the answers to requests, which no callback tells of.
    public void EndpointConfigured<T>(T configurator)
        where T : IReceiveEndpointConfigurator
    {
        if (configurator is IRabbitMqReceiveEndpointConfigurator endpoint)
            endpoint.ConfigureChannel(channel => channel.UseFilter(this));
    }

    public async Task Send(ChannelContext context, IPipe<ChannelContext> next)
    {
        try
        {
            await next.Send(context);
        }
        catch (OperationCanceledException e) when (!context.CancellationToken.IsCancellationRequested)
        {
            throw new ConnectionException("The broker did not answer in time", e, isTransient: true);
        }
    }

    public void Probe(ProbeContext context) => context.CreateFilterScope("silentBroker");
}
