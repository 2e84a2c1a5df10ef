using Ampora.Contracts;

namespace Ampora.Store;

/// <summary>Records facts in the transaction that makes them.</summary>
public static class StoreJournal
{
    /// <summary>
    /// Adds an audit entry to the outbox of the current transaction. Publish the message after the commit with
    /// <see cref="Ampora.Wakeups.WakeupProtocol.TryPublishAsync"/>; what is not published then, the relay sends.
    /// </summary>
    /// <returns>The message, to publish after the commit.</returns>
    public static Task<Ampora.Wakeups.OutboxMessage> AddAuditAsync(StoreContext context, AuditRecorded entry, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>
    /// Adds an audit entry under a message id that the caller chose and keeps, so that it can repeat a transaction whose outcome it never learnt: an id that the
    /// outbox has is not added again, and one that was acknowledged meanwhile is known to Audit, which ignores it.
    /// </summary>
    /// <returns>The message, to publish after the commit.</returns>
    public static Task<Ampora.Wakeups.OutboxMessage> AddAuditAsync(
        StoreContext context, Guid messageId, AuditRecorded entry, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Adds an event about a source to the stream. It takes the stream's lock: call it last in the transaction.</summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="sourceId">The slug.</param>
    /// <param name="change"><c>created</c>, <c>changed</c>, <c>paused</c>, <c>resumed</c> or <c>deleted</c>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task AddSourceEventAsync(StoreContext context, string sourceId, string change, CancellationToken cancellationToken) =>
        throw new NotImplementedException();
}
