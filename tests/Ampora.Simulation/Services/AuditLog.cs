using Ampora.Contracts;
using Ampora.Simulation.Engine;
using Ampora.Simulation.Proof;
using Ampora.Simulation.World;

namespace Ampora.Simulation.Services;

/// <summary>Audit's own database: entries without gaps, one for each message.</summary>
public sealed class AuditLog(Knowledge known, bool deduplicates)
{
    private readonly Dictionary<Guid, long> _entries = [];
    private long _last;

    /// <summary>Adds an entry, or finds the one that is there.</summary>
    public long Append(Guid messageId, string runId)
    {
        if (deduplicates && _entries.TryGetValue(messageId, out var there))
        {
            known.Count("recorded before");
            return there;
        }

        _entries[messageId] = ++_last;
        known.NoteRecorded(messageId, runId, _last);
        known.CompareRows();
        return _last;
    }
}

/// <summary>An audit service: records each run and then acknowledges it, a duplicate too.</summary>
public sealed class Audit(SimulatedProcess process, Database database, AuditLog log, IMessagePublisher publisher, bool commitsFirst)
{
    /// <summary>Begins to consume runs.</summary>
    public void Start(Bus bus) => bus.Consume<SyncRunCompleted>(process, RecordAsync);

    private async Task RecordAsync(SyncRunCompleted run, Guid messageId)
    {
        if (!commitsFirst)
            await AcknowledgeAsync(run, messageId, 1);
        var id = await database.CallAsync(process, "records", run.SourceId, () => log.Append(messageId, run.RunId), process.Stopping.Token);
        await AcknowledgeAsync(run, messageId, id);
    }

    private async Task AcknowledgeAsync(SyncRunCompleted run, Guid messageId, long id)
    {
        try
        {
            await publisher.PublishAsync(new AuditEntryCommitted { RecordedMessageId = messageId, AuditId = id, RunId = run.RunId }, Guid.Empty, null, process.Stopping.Token);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // The relay publishes the run again.
        }
    }
}
