namespace Ampora.Store.Model;

/// <summary>A tree that was fetched and stored once for (source, config, SHA). Written by the Sweeper's finish.</summary>
public sealed class Sweep
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>The version of the settings that it was fetched under.</summary>
    public required long Config { get; set; }

    /// <summary>The commit, as a hexadecimal object id.</summary>
    public required string Sha { get; set; }

    /// <summary>The commit's author as <c>Name &lt;mail&gt;</c>.</summary>
    public required string Author { get; set; }

    /// <summary>The first line of its message.</summary>
    public required string Subject { get; set; }

    /// <summary>The committer's time, UTC.</summary>
    public required DateTimeOffset CommittedAt { get; set; }

    /// <summary>Object ids of its parents, separated by spaces.</summary>
    public required string Parents { get; set; }

    /// <summary>When it was committed here, UTC.</summary>
    public required DateTimeOffset SweptAt { get; set; }
}

/// <summary>A run. Written by the Sweeper's finish; <see cref="AuditId"/> by the Scheduler when Audit has acknowledged it.</summary>
public sealed class RunRow
{
    /// <summary>The run's id.</summary>
    public required string Id { get; set; }

    /// <summary>The place in commit order over all runs and source events; the cursor.</summary>
    public long Sequence { get; set; }

    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary><c>webhook</c>, <c>poll</c>, <c>manual</c> or <c>initial</c>.</summary>
    public required string Trigger { get; set; }

    /// <summary>Whether a poll is among what the check covered because nothing else asked.</summary>
    public bool CoversPoll { get; set; }

    /// <summary><c>succeeded</c> or <c>failed</c>.</summary>
    public required string Outcome { get; set; }

    /// <summary>How many checks had failed before this success.</summary>
    public int RecoveredAfterFailures { get; set; }

    /// <summary>The ref as the source named it.</summary>
    public required string Ref { get; set; }

    /// <summary>The tip before.</summary>
    public string? PreviousSha { get; set; }

    /// <summary>The tip after.</summary>
    public string? Sha { get; set; }

    /// <summary>Whether the new tip does not descend from the previous one.</summary>
    public bool Forced { get; set; }

    /// <summary>Whether the tree was stored before.</summary>
    public bool Reused { get; set; }

    /// <summary>The commit's author.</summary>
    public string? CommitAuthor { get; set; }

    /// <summary>The commit's subject.</summary>
    public string? CommitSubject { get; set; }

    /// <summary>The commit's time, UTC.</summary>
    public DateTimeOffset? CommittedAt { get; set; }

    /// <summary>Changed paths as a JSON array of <c>{ path, change }</c>.</summary>
    public required string ChangesJson { get; set; }

    /// <summary>Whether the array was cut.</summary>
    public bool ChangesTruncated { get; set; }

    /// <summary>Paths only in the new tree.</summary>
    public int Added { get; set; }

    /// <summary>Paths that differ.</summary>
    public int Modified { get; set; }

    /// <summary>Paths only in the old tree.</summary>
    public int Removed { get; set; }

    /// <summary>When the oldest covered request was made, UTC.</summary>
    public required DateTimeOffset RequestedAt { get; set; }

    /// <summary>When the check was claimed, UTC.</summary>
    public required DateTimeOffset StartedAt { get; set; }

    /// <summary>When it was committed, UTC.</summary>
    public required DateTimeOffset CompletedAt { get; set; }

    /// <summary>From the oldest request to the claim, milliseconds.</summary>
    public double QueueMs { get; set; }

    /// <summary>Reading the tip, milliseconds.</summary>
    public double TipMs { get; set; }

    /// <summary>Fetching, milliseconds.</summary>
    public double FetchMs { get; set; }

    /// <summary>Storing, milliseconds.</summary>
    public double StoreMs { get; set; }

    /// <summary>The failure's code.</summary>
    public string? ErrorCode { get; set; }

    /// <summary>The failure's detail.</summary>
    public string? ErrorDetail { get; set; }

    /// <summary>The failure's remedy.</summary>
    public string? ErrorRemedy { get; set; }

    /// <summary>The entry in the audit log; null until it is recorded.</summary>
    public long? AuditId { get; set; }
}

/// <summary>What the event stream tells. Written with whatever it tells of.</summary>
public sealed class EventRow
{
    /// <summary>The place in commit order; the stream's event id.</summary>
    public long Sequence { get; set; }

    /// <summary><c>run</c> or <c>source</c>.</summary>
    public required string Kind { get; set; }

    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>The run, for a run.</summary>
    public string? RunId { get; set; }

    /// <summary>What happened to the source: <c>created</c>, <c>changed</c>, <c>paused</c>, <c>resumed</c>, <c>deleted</c>, <c>health</c>,
    /// <c>skipped</c>.</summary>
    public string? Change { get; set; }

    /// <summary>When, UTC.</summary>
    public required DateTimeOffset OccurredAt { get; set; }
}
