namespace Ampora.Contracts;

/// <summary>
/// The audit log holds the entry of this message. Published by Audit after its commit, again for every duplicate that it receives;
/// consumed by the Scheduler, which then removes the message from the outbox. So a message leaves the outbox only when its effect is
/// durable, whatever a broker (or the in-memory bus, which forgets at exit) has confirmed. A duplicate finds nothing to remove.
/// </summary>
public sealed record AuditEntryCommitted
{
    /// <summary>The message id of the <see cref="SyncRunCompleted"/> or <see cref="AuditRecorded"/> that was recorded.</summary>
    public required Guid RecordedMessageId { get; init; }

    /// <summary>The entry's sequence number in the log.</summary>
    public required long AuditId { get; init; }

    /// <summary>The run that the entry is about; null for other entries.</summary>
    public string? RunId { get; init; }
}
