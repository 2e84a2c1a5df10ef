namespace Ampora.Chaos;

/// <summary>A run as the API shows it.</summary>
public sealed record ObservedRun(
    string RunId, string Source, string Outcome, string? PreviousSha, string? Sha, int Recovered, DateTimeOffset StartedAt, long? AuditId);

/// <summary>A delivery of the ledger as the API shows it.</summary>
public sealed record ObservedDelivery(
    string Id, string Source, string? SenderId, DateTimeOffset ReceivedAt, string Verdict, string? Result, string? RunId);

/// <summary>An entry of the audit log; its marks are the values of its detail, which may tell it from other entries.</summary>
public sealed record ObservedEntry(long AuditId, string Action, string Subject, string? RunId, IReadOnlyList<string> Marks);

/// <summary>A source's tip, and its repository's.</summary>
public sealed record ObservedTip(string Source, string? Shown, string? Real);

/// <summary>What there is to see at the end.</summary>
public sealed record Observation
{
    public IReadOnlyList<ObservedTip> Tips { get; init; } = [];

    /// <summary>The runs of each source, oldest first.</summary>
    public IReadOnlyList<ObservedRun> Runs { get; init; } = [];

    public IReadOnlyList<ObservedDelivery> Deliveries { get; init; } = [];

    public IReadOnlyList<ObservedEntry> Entries { get; init; } = [];

    /// <summary>What the audit log says of itself when it is verified.</summary>
    public bool AuditOk { get; init; } = true;

    /// <summary>(source, version of its settings, commit) for which there is more than one row of stored work.</summary>
    public IReadOnlyList<string> RepeatedSweeps { get; init; } = [];

    /// <summary>Queues of messages that a consumer failed on or did not know, with how many are in each.</summary>
    public IReadOnlyList<string> BadQueues { get; init; } = [];
}
