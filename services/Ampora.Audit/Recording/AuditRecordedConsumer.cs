using Ampora.Audit.Chain;
using Ampora.Contracts;
using MassTransit;

namespace Ampora.Audit.Recording;

/// <summary>Records what somebody did.</summary>
internal sealed class AuditRecordedConsumer(AuditLog log) : IConsumer<AuditRecorded>
{
    public async Task Consume(ConsumeContext<AuditRecorded> context)
    {
        var messageId = context.RecordableId();
        var receipt = await log.AppendAsync(NewEntry.From(messageId, context.Message), context.CancellationToken);
        await context.AcknowledgeAsync(messageId, receipt);
    }
}

/// <summary>Where and how fast <see cref="AuditRecordedConsumer"/> works.</summary>
internal sealed class AuditRecordedConsumerDefinition : ConsumerDefinition<AuditRecordedConsumer>
{
    public AuditRecordedConsumerDefinition() => EndpointName = AuditQueue.Name;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<AuditRecordedConsumer> consumerConfigurator, IRegistrationContext context) =>
        AuditQueue.Configure(endpointConfigurator);
}
