using Ampora.Contracts;
using MassTransit;

namespace Ampora.Audit.Queries;

/// <summary>Answers the Console with a page of the log.</summary>
internal sealed class QueryAuditConsumer(AuditReader reader) : IConsumer<QueryAudit>
{
    public async Task Consume(ConsumeContext<QueryAudit> context) =>
        await context.RespondAsync(await reader.ReadAsync(context.Message, context.CancellationToken));
}

/// <summary>Where <see cref="QueryAuditConsumer"/> works.</summary>
internal sealed class QueryAuditConsumerDefinition : ConsumerDefinition<QueryAuditConsumer>
{
    public QueryAuditConsumerDefinition() => EndpointName = AuditQueriesQueue.Name;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<QueryAuditConsumer> consumerConfigurator, IRegistrationContext context) =>
        AuditQueriesQueue.Configure(endpointConfigurator);
}
