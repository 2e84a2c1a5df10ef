using Ampora.Contracts;
using MassTransit;

namespace Ampora.Sweeper;

/// <summary>Checks the source that a message names. It never throws: what went wrong is in the source's wake-up row or will be tried again from it.</summary>
internal sealed class TipCheckConsumer(Sweeps sweeps) : IConsumer<TipCheckRequested>
{
    public Task Consume(ConsumeContext<TipCheckRequested> context) => sweeps.CheckAsync(context.Message.SourceId, context.CancellationToken);
}

/// <summary>Any number of sweepers compete over one queue.</summary>
internal sealed class TipCheckConsumerDefinition : ConsumerDefinition<TipCheckConsumer>
{
    public TipCheckConsumerDefinition()
    {
        EndpointName = "tip-checks";
        ConcurrentMessageLimit = SweeperLimits.ConsumersAtOnce;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<TipCheckConsumer> consumerConfigurator, IRegistrationContext context)
    {
        // No more than can be handled at once: a message that waits here is one that an idle sweeper elsewhere cannot have.
        endpointConfigurator.PrefetchCount = SweeperLimits.ConsumersAtOnce;
    }
}
