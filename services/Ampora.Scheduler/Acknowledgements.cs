using Ampora.Contracts;
using Ampora.Store.Restoring;
using Ampora.Wakeups;
using MassTransit;

namespace Ampora.Scheduler;

/// <summary>Takes messages out of the outbox that Audit has recorded.</summary>
internal sealed partial class Acknowledgements(WakeupProtocol protocol, RecordedMessages recorded, ILogger<Acknowledgements> logger)
{
    private readonly Trouble _trouble = new(logger, "taking acknowledged messages out of the outbox");

    /// <summary>Whether the last one could not be taken out.</summary>
    public bool Failing => _trouble.Exists;

    public async Task AcceptAsync(AuditEntryCommitted committed, CancellationToken cancellationToken)
    {
        try
        {
            if (await recorded.NoteAsync(committed, cancellationToken) is { } forgotten)
                Log.WentBack(logger, forgotten.From, forgotten.SentAgain, forgotten.NotKept);
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

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning,
            "The audit log gives out number {From} again: it was restored from a backup. {SentAgain} entries are sent to it again; at least {NotKept} are no longer kept")]
        public static partial void WentBack(ILogger logger, long from, long sentAgain, long notKept);
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
