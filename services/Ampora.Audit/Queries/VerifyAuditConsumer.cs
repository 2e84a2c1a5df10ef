using Ampora.Audit.Chain;
using Ampora.Contracts;
using MassTransit;

namespace Ampora.Audit.Queries;

/// <summary>Answers the Console with the state of the chain.</summary>
internal sealed class VerifyAuditConsumer(ChainVerifier verifier) : IConsumer<VerifyAudit>
{
    // The gateway waits 100 s for the Console, and the Console 90 s for this.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(80);

    public async Task Consume(ConsumeContext<VerifyAudit> context) => await context.RespondAsync(await verifier.VerifyAsync(Patience, context.CancellationToken));
}

/// <summary>Where <see cref="VerifyAuditConsumer"/> works.</summary>
internal sealed class VerifyAuditConsumerDefinition : ConsumerDefinition<VerifyAuditConsumer>
{
    public VerifyAuditConsumerDefinition() => EndpointName = AuditQueriesQueue.Name;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<VerifyAuditConsumer> consumerConfigurator, IRegistrationContext context) =>
        AuditQueriesQueue.Configure(endpointConfigurator);
}
