using Ampora.Contracts;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store;

/// <summary>Records facts in the transaction that makes them.</summary>
public static class StoreJournal
{
    private static readonly WakeupPolicy Policy = new();

    /// <summary>
    /// Adds an audit entry to the outbox of the current transaction. Publish the message after the commit with
    /// <see cref="WakeupProtocol.TryPublishAsync"/>; what is not published then, the relay sends.
    /// </summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The message, to publish after the commit.</returns>
    public static Task<OutboxMessage> AddAuditAsync(StoreContext context, AuditRecorded entry, CancellationToken cancellationToken) =>
        AddAuditAsync(context, Guid.CreateVersion7(), entry, cancellationToken);

    /// <summary>
    /// Adds an audit entry under a message id that the caller chose and keeps, so that it can repeat a transaction whose outcome it never learnt: an id that the
    /// outbox has is not added again, and one that was acknowledged meanwhile is known to Audit, which ignores it.
    /// </summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="messageId">The message's id.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The message, to publish after the commit.</returns>
    public static async Task<OutboxMessage> AddAuditAsync(
        StoreContext context, Guid messageId, AuditRecorded entry, CancellationToken cancellationToken)
    {
        var message = new OutboxMessage(messageId, entry);
        await new StoreSession(context).ExecuteAsync(OutboxStatements.Add, SqlWakeupStore.OutboxParameters(message, Policy), cancellationToken);
        return message;
    }

    /// <summary>Adds an event about a source to the stream. It takes the stream's lock: call it last in the transaction.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="change"><c>created</c>, <c>changed</c>, <c>paused</c>, <c>resumed</c>, <c>deleted</c> or <c>health</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task AddSourceEventAsync(StoreContext context, string sourceId, string change, CancellationToken cancellationToken)
    {
        (string Name, object? Value)[] parameters = [("id", sourceId), ("change", change), ("count", 1L)];
        return new StoreSession(context).RunAsync(
            [new(FinishStatements.NumberEvents, parameters), new(FinishStatements.AddSourceEvent, parameters)], cancellationToken);
    }
}
