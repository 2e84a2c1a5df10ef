using Ampora.Contracts;
using Ampora.Store.Sql;
using Ampora.Wakeups;

namespace Ampora.Store;

/// <summary>Records facts in the transaction that makes them.</summary>
public static class StoreJournal
{
    // The writer publishes right after its commit; the relay's first turn leaves it the time to be acknowledged.
    private static readonly TimeSpan RelayAfter = new WakeupPolicy().RelayAfter;

    /// <summary>
    /// Adds an audit entry to the outbox of the current transaction. Publish the message after the commit with
    /// <see cref="WakeupProtocol.TryPublishAsync"/>; what is not published then, the relay sends.
    /// </summary>
    /// <returns>The message, to publish after the commit.</returns>
    public static Task<OutboxMessage> AddAuditAsync(StoreContext context, AuditRecorded entry, CancellationToken cancellationToken) =>
        AddAuditAsync(context, Guid.CreateVersion7(), entry, cancellationToken);

    /// <summary>
    /// Adds an audit entry under a message id that the caller chose and keeps, so that it can repeat a transaction whose outcome it never learnt: an id that the
    /// outbox has is not added again, and one that was acknowledged meanwhile is known to Audit, which ignores it.
    /// </summary>
    /// <returns>The message, to publish after the commit.</returns>
    public static async Task<OutboxMessage> AddAuditAsync(StoreContext context, Guid messageId, AuditRecorded entry, CancellationToken cancellationToken)
    {
        var message = new OutboxMessage(messageId, entry);
        await OutboxMessages.AddAsync(context, message, RelayAfter, cancellationToken);
        return message;
    }

    /// <summary>Adds an event about a source to the stream. It takes the stream's lock: call it last in the transaction.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="change"><c>created</c>, <c>changed</c>, <c>paused</c>, <c>resumed</c>, <c>deleted</c> or <c>health</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task AddSourceEventAsync(StoreContext context, string sourceId, string change, CancellationToken cancellationToken)
    {
        var sequence = await NextSequenceAsync(context, "events", 1, cancellationToken);
        await AddEventAsync(context, sequence, "source", sourceId, runId: null, change, cancellationToken);
    }

    /// <summary>Takes the next numbers of a sequence; its lock is held until the commit, so that numbers become visible in their order.</summary>
    /// <returns>The last of the numbers.</returns>
    internal static async Task<long> NextSequenceAsync(StoreContext context, string name, long count, CancellationToken cancellationToken) =>
        (await Statement.QueryAsync(
            context,
            "UPDATE sequences SET value = value + @n WHERE name = @name RETURNING value",
            row => row.Number("value"),
            cancellationToken,
            new[] { ("n", (object?)count), ("name", name) })).Single();

    internal static Task AddEventAsync(
        StoreContext context, long sequence, string kind, string sourceId, string? runId, string? change, CancellationToken cancellationToken) =>
        Statement.ExecuteAsync(
            context,
            $"""
            INSERT INTO events (sequence, kind, source_id, run_id, change, occurred_at)
            VALUES (@sequence, @kind, @id, CAST(@run AS text), CAST(@change AS text), {DialectTerms.Of(context).Now})
            """,
            cancellationToken,
            new[] { ("sequence", (object?)sequence), ("kind", kind), ("id", sourceId), ("run", runId), ("change", change) });
}
