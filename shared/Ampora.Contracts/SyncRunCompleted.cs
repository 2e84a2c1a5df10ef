namespace Ampora.Contracts;

/// <summary>
/// A sync run ended and is committed. Published through the outbox by the Sweeper; consumed by Audit, which records it once for each
/// message id: a duplicate is acknowledged again and changes nothing.
/// </summary>
public sealed record SyncRunCompleted
{
    /// <summary>The run, derived from the source and the fence of its claim, so that a retried commit cannot make a second one.</summary>
    public required string RunId { get; init; }

    /// <summary>The slug of the source.</summary>
    public required string SourceId { get; init; }

    /// <summary>The repository's URL, without credentials.</summary>
    public required string Url { get; init; }

    /// <summary>The ref as the source names it.</summary>
    public required string Ref { get; init; }

    /// <summary><c>webhook</c>, <c>manual</c>, <c>poll</c> or <c>initial</c>: the strongest of what the check covered.</summary>
    public required string Trigger { get; init; }

    /// <summary>Who asked for the check that made this run; the first <see cref="MaxTriggeredBy"/> of them.</summary>
    public required IReadOnlyList<RunTrigger> TriggeredBy { get; init; }

    /// <summary><c>succeeded</c> or <c>failed</c>.</summary>
    public required string Outcome { get; init; }

    /// <summary>How many checks had failed in a row before this success; 0 when the previous check succeeded.</summary>
    public int RecoveredAfterFailures { get; init; }

    /// <summary>The tip before this run, as a hexadecimal object id; null for a source's first.</summary>
    public string? PreviousSha { get; init; }

    /// <summary>The tip that this run synced; null when the run failed before the tip was read.</summary>
    public string? Sha { get; init; }

    /// <summary>True when the new tip does not descend from the previous one.</summary>
    public bool Forced { get; init; }

    /// <summary>True when the tree was stored by an earlier run and was not fetched again.</summary>
    public bool Reused { get; init; }

    /// <summary>The commit at <see cref="Sha"/>; null when it was not read.</summary>
    public CommitSummary? Commit { get; init; }

    /// <summary>Paths that differ from the previous tip's tree; the first <see cref="MaxChanges"/> of them.</summary>
    public required IReadOnlyList<PathChange> Changes { get; init; }

    /// <summary>How many paths differ, by kind, without the cut of <see cref="Changes"/>.</summary>
    public required ChangeCounts Counts { get; init; }

    /// <summary>When the oldest request that this check covered was made, UTC.</summary>
    public required DateTimeOffset RequestedAt { get; init; }

    /// <summary>When the check was claimed, UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When the run was committed, UTC.</summary>
    public required DateTimeOffset CompletedAt { get; init; }

    /// <summary>What went wrong; null on success.</summary>
    public RunError? Error { get; init; }

    /// <summary>A message stays well under a broker's frame sizes: the full list is in the run.</summary>
    public const int MaxTriggeredBy = 100;

    /// <summary>A message stays well under a broker's frame sizes: the full list is in the run.</summary>
    public const int MaxChanges = 200;
}

/// <summary>One request that a check covered.</summary>
/// <param name="Kind"><c>webhook</c>, <c>manual</c> or <c>poll</c>.</param>
/// <param name="DeliveryId">The webhook delivery, for a webhook, and for a manual check the one because of which the operator asked again.</param>
/// <param name="RequestId">The operator's request, for a manual check.</param>
/// <param name="Actor">Who asked: a person or API token for a manual check, the Git host's remote address for a webhook.</param>
public sealed record RunTrigger(string Kind, string? DeliveryId, string? RequestId, string? Actor);

/// <summary>What a person needs of a commit to recognise it.</summary>
/// <param name="Author">The author's name and address as <c>Name &lt;mail&gt;</c>.</param>
/// <param name="Subject">The first line of the message.</param>
/// <param name="CommittedAt">The committer's time, UTC.</param>
public sealed record CommitSummary(string Author, string Subject, DateTimeOffset CommittedAt);

/// <summary>One path that differs between two trees.</summary>
/// <param name="Path">The path from the repository's root, with <c>/</c>.</param>
/// <param name="Change"><c>added</c>, <c>modified</c> or <c>removed</c>.</param>
public sealed record PathChange(string Path, string Change);

/// <summary>How many paths differ, by kind.</summary>
/// <param name="Added">Paths only in the new tree.</param>
/// <param name="Modified">Paths whose content or mode differs.</param>
/// <param name="Removed">Paths only in the old tree.</param>
public sealed record ChangeCounts(int Added, int Modified, int Removed)
{
    /// <summary>Nothing differs.</summary>
    public static ChangeCounts None { get; } = new(0, 0, 0);
}

/// <summary>An error as a person reads it.</summary>
/// <param name="Code">A stable snake_case name, listed in the documentation.</param>
/// <param name="Detail">What happened, without secrets.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record RunError(string Code, string Detail, string Remedy);
