using Ampora.Audit.Chain;
using Ampora.Contracts;
using MassTransit;

namespace Ampora.Audit.Recording;

/// <summary>Records runs.</summary>
internal sealed class SyncRunCompletedConsumer(AuditLog log) : IConsumer<SyncRunCompleted>
{
    public async Task Consume(ConsumeContext<SyncRunCompleted> context)
    {
        var messageId = context.RecordableId();
        var receipt = await log.AppendAsync(NewEntry.From(messageId, context.Message), context.CancellationToken);
        await context.AcknowledgeAsync(messageId, receipt);
    }
}

/// <summary>Where and how fast <see cref="SyncRunCompletedConsumer"/> works.</summary>
internal sealed class SyncRunCompletedConsumerDefinition : ConsumerDefinition<SyncRunCompletedConsumer>
{
    public SyncRunCompletedConsumerDefinition() => EndpointName = AuditQueue.Name;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<SyncRunCompletedConsumer> consumerConfigurator, IRegistrationContext context) =>
        AuditQueue.Configure(endpointConfigurator);
}
