namespace Ampora.Audit.Model;

/// <summary>One entry of the log; it is never changed.</summary>
internal sealed class AuditEntryRow
{
    /// <summary>1, 2, 3, … in commit order, without gaps.</summary>
    public required long AuditId { get; set; }

    /// <summary>The message that was recorded; a second one with this id makes no entry.</summary>
    public required Guid MessageId { get; set; }

    /// <summary>When it happened, UTC, in whole microseconds.</summary>
    public required DateTimeOffset OccurredAt { get; set; }

    /// <summary>When the log took it, UTC, in whole microseconds.</summary>
    public required DateTimeOffset RecordedAt { get; set; }

    /// <summary>Who did it.</summary>
    public required string Actor { get; set; }

    /// <summary>What was done.</summary>
    public required string Action { get; set; }

    /// <summary>What it was done to.</summary>
    public required string Subject { get; set; }

    /// <summary>The address it came from.</summary>
    public string? RemoteIp { get; set; }

    /// <summary>How many equal events it stands for.</summary>
    public required long Count { get; set; }

    /// <summary>The run that it is about.</summary>
    public string? RunId { get; set; }

    /// <summary>Particulars: a JSON object without white space, its non-ASCII characters escaped.</summary>
    public required string Detail { get; set; }

    /// <summary>The hash of the entry before; 32 zero bytes for the first.</summary>
    public required byte[] PreviousHash { get; set; }

    /// <summary>See <see cref="Chain.EntryHash"/>.</summary>
    public byte[] Hash { get; set; } = [];
}
