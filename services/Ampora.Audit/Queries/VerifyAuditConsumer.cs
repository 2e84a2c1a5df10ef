using Ampora.Audit.Chain;
using Ampora.Contracts;
using MassTransit;

namespace Ampora.Audit.Queries;

/// <summary>Answers the Console with the state of the chain.</summary>
internal sealed class VerifyAuditConsumer(ChainVerifier verifier, TimeProvider time) : IConsumer<VerifyAudit>
{
    // Some hundred million entries; well within RabbitMQ's half hour for an acknowledgement.
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(15);

    public async Task Consume(ConsumeContext<VerifyAudit> context)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, context.CancellationToken);
        await context.RespondAsync(await verifier.VerifyAsync(either.Token));
    }
}

/// <summary>Where <see cref="VerifyAuditConsumer"/> works.</summary>
internal sealed class VerifyAuditConsumerDefinition : ConsumerDefinition<VerifyAuditConsumer>
{
    public VerifyAuditConsumerDefinition() => EndpointName = AuditQueriesQueue.Name;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator, IConsumerConfigurator<VerifyAuditConsumer> consumerConfigurator, IRegistrationContext context) =>
        AuditQueriesQueue.Configure(endpointConfigurator);
}
