namespace Ampora.Contracts;

/// <summary>
/// Asks for a page of the audit log. Sent by the Console, answered by Audit with <see cref="AuditPage"/>. A duplicate is answered again.
/// All filters given must match.
/// </summary>
public sealed record QueryAudit
{
    /// <summary>Only entries that occurred at or after this time, UTC.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Only entries that occurred before this time, UTC.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Only this actor, exactly.</summary>
    public string? Actor { get; init; }

    /// <summary>Only this action, exactly, or all below it when it ends in <c>.*</c>.</summary>
    public string? Action { get; init; }

    /// <summary>Only this subject, exactly.</summary>
    public string? Subject { get; init; }

    /// <summary>Only these subjects: what a caller with limited rights may see, at most <see cref="MaxSubjects"/>. Null: all; empty: none.</summary>
    public IReadOnlyList<string>? Subjects { get; init; }

    /// <summary>Newest first: only entries with a smaller id. Oldest first: only entries with a larger one.</summary>
    public long? After { get; init; }

    /// <summary>True for the order of an export, from the first entry on; false for newest first.</summary>
    public bool OldestFirst { get; init; }

    /// <summary>At most so many, 1 to 200.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>The message stays small, and the query one index range for each subject.</summary>
    public const int MaxSubjects = 1000;
}

/// <summary>The answer to <see cref="QueryAudit"/>.</summary>
public sealed record AuditPage
{
    /// <summary>The entries, in the order asked for.</summary>
    public required IReadOnlyList<AuditEntry> Items { get; init; }

    /// <summary>Whether more entries match after the last one.</summary>
    public required bool More { get; init; }
}

/// <summary>One entry of the audit log.</summary>
public sealed record AuditEntry
{
    /// <summary>The sequence number, from 1, without gaps.</summary>
    public required long AuditId { get; init; }

    /// <summary>When it happened, UTC.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>When the log took it, UTC.</summary>
    public required DateTimeOffset RecordedAt { get; init; }

    /// <summary>Who did it.</summary>
    public required string Actor { get; init; }

    /// <summary>What was done.</summary>
    public required string Action { get; init; }

    /// <summary>What it was done to.</summary>
    public required string Subject { get; init; }

    /// <summary>The address it came from, where there is one.</summary>
    public string? RemoteIp { get; init; }

    /// <summary>How many equal events the entry stands for.</summary>
    public required long Count { get; init; }

    /// <summary>The run, for an entry about one.</summary>
    public string? RunId { get; init; }

    /// <summary>Particulars, as a JSON object.</summary>
    public required string DetailJson { get; init; }

    /// <summary>SHA-256 over the previous entry's hash and this entry, as lower-case hexadecimal.</summary>
    public required string Hash { get; init; }

    /// <summary>The message that was recorded, which the hash is over too; null from an Audit of an earlier release.</summary>
    public Guid? MessageId { get; init; }
}

/// <summary>Asks for a check of the whole chain. Sent by the Console, answered by Audit with <see cref="AuditVerification"/>.</summary>
public sealed record VerifyAudit;

/// <summary>The answer to <see cref="VerifyAudit"/>.</summary>
public sealed record AuditVerification
{
    /// <summary>Whether every entry is there and unchanged; false also when the check did not get through, see <see cref="Unfinished"/>.</summary>
    public required bool Ok { get; init; }

    /// <summary>How many entries were checked.</summary>
    public required long Entries { get; init; }

    /// <summary>The id of the first entry that is missing, changed or out of order; null when all is well.</summary>
    public long? FirstBad { get; init; }

    /// <summary>The hash of the last entry, as lower-case hexadecimal; keep it elsewhere, and a cut at the end will show.</summary>
    public required string Head { get; init; }

    /// <summary>The last entry that retention has removed, as the log itself declares; 0 while it has removed none.</summary>
    public long RetiredThrough { get; init; }

    /// <summary>How many heads from the file of exported heads were compared; 0 without such a file.</summary>
    public long ExportedHeads { get; init; }

    /// <summary>Whether the log is too long for the time that the check has: <see cref="Entries"/> were checked and are whole, and nothing is said of the others.</summary>
    public bool Unfinished { get; init; }
}
