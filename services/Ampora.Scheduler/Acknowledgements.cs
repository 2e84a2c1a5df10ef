using Ampora.Contracts;
using Ampora.Wakeups;
using MassTransit;

namespace Ampora.Scheduler;

/// <summary>Takes messages out of the outbox that Audit has recorded.</summary>
internal sealed class Acknowledgements(WakeupProtocol protocol, ILogger<Acknowledgements> logger)
{
    private readonly Trouble _trouble = new(logger, "taking acknowledged messages out of the outbox");

    /// <summary>Whether the last one could not be taken out.</summary>
    public bool Failing => _trouble.Exists;

    public async Task AcceptAsync(AuditEntryCommitted committed, CancellationToken cancellationToken)
    {
        try
        {
            await protocol.AcknowledgeAsync(committed, cancellationToken);
            _trouble.Clear();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // The message stays in the outbox, so the relay publishes it again and Audit acknowledges it again: an error queue would
            // only collect what heals by itself.
            _trouble.Note(e);
        }
    }
}

/// <summary>Passes acknowledgements on; a duplicate finds nothing to remove.</summary>
internal sealed class AcknowledgementConsumer(Acknowledgements acknowledgements) : IConsumer<AuditEntryCommitted>
{
    public Task Consume(ConsumeContext<AuditEntryCommitted> context) => acknowledgements.AcceptAsync(context.Message, context.CancellationToken);
}

/// <summary>All schedulers compete over one queue.</summary>
internal sealed class AcknowledgementConsumerDefinition : ConsumerDefinition<AcknowledgementConsumer>
{
    // Each is one short transaction; more at once would only wait for connections.
    private const int AtOnce = 8;

    public AcknowledgementConsumerDefinition()
    {
        EndpointName = "outbox-acknowledgements";
        ConcurrentMessageLimit = AtOnce;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpointConfigurator,
        IConsumerConfigurator<AcknowledgementConsumer> consumerConfigurator,
        IRegistrationContext context) => endpointConfigurator.PrefetchCount = 2 * AtOnce;
}
