namespace Ampora.Store.Model;

/// <summary>
/// The wake-up row of a source. Only <see cref="Ampora.Wakeups.IWakeupStore"/> and <see cref="Wakeups.SourceWakeups"/> write it, with
/// statements of their own; the entity is for reading. All times are the database's clock.
/// </summary>
public sealed class Wakeup
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>How many checks have been asked for.</summary>
    public long Wanted { get; set; }

    /// <summary>How many of those a finished check covers.</summary>
    public long Done { get; set; }

    /// <summary>The number of the latest request by a webhook.</summary>
    public long WantedWebhook { get; set; }

    /// <summary>The number of the latest request by an operator.</summary>
    public long WantedManual { get; set; }

    /// <summary>When the oldest uncovered request was made.</summary>
    public DateTimeOffset? AskedAt { get; set; }

    /// <summary>When the oldest request after the latest claim was made.</summary>
    public DateTimeOffset? AskedSinceClaimAt { get; set; }

    /// <summary>Who holds the lease.</summary>
    public string? LeaseOwner { get; set; }

    /// <summary>Until when.</summary>
    public DateTimeOffset? LeaseUntil { get; set; }

    /// <summary>Rises with each claim, finish, and change of settings; a write under an older one is refused.</summary>
    public long Fence { get; set; }

    /// <summary>The version of the settings that decide what a check fetches: URL, ref, credential, globs.</summary>
    public long Config { get; set; }

    /// <summary>The version of the webhook's secrets.</summary>
    public long SecretVersion { get; set; }

    /// <summary>Whether the source is paused.</summary>
    public bool Paused { get; set; }

    /// <summary>The Git host's authority: lower-case name and port, with the scheme's default filled in.</summary>
    public required string Host { get; set; }

    /// <summary>The repository's URL, as the source has it: claims of sources on one remote count as one on its host.</summary>
    public required string Remote { get; set; }

    /// <summary>Whether a claim was refused only because the host had too many checks.</summary>
    public bool WaitingForHost { get; set; }

    /// <summary>No check starts before this.</summary>
    public DateTimeOffset? NotBefore { get; set; }

    /// <summary>When <see cref="NotBefore"/> was set; in the future, it tells of a clock that jumped back.</summary>
    public DateTimeOffset? NotBeforeSetAt { get; set; }

    /// <summary>No pull-forward goes before this: the host's <c>Retry-After</c>.</summary>
    public DateTimeOffset? RetryAfterUntil { get; set; }

    /// <summary>Seconds between polls, as they are now: an adaptive interval stretches while webhooks prove live.</summary>
    public int PollIntervalSeconds { get; set; }

    /// <summary>Seconds between polls, as the operator set them; the interval in force is never shorter.</summary>
    public int BasePollIntervalSeconds { get; set; }

    /// <summary>Whether the interval stretches.</summary>
    public bool Adaptive { get; set; }

    /// <summary>When the next poll is due.</summary>
    public DateTimeOffset NextPollAt { get; set; }

    /// <summary>When the source was last woken over the bus.</summary>
    public DateTimeOffset? WokenAt { get; set; }

    /// <summary>The tip that the last successful check read.</summary>
    public string? TipSha { get; set; }

    /// <summary>The full name of the ref that <see cref="TipSha"/> was read at, or the commit's id of a source that names one; null: not known under these settings.</summary>
    public string? TipRef { get; set; }

    /// <summary>Where the repository has moved to within its host; null: it is where the source says.</summary>
    public string? MovedTo { get; set; }

    /// <summary>The version of the settings under which <see cref="TipSha"/> was stored; names its sweep.</summary>
    public long? TipConfig { get; set; }

    /// <summary>When <see cref="TipSha"/> was first seen.</summary>
    public DateTimeOffset? TipSeenAt { get; set; }

    /// <summary>When the last check ended, well or not.</summary>
    public DateTimeOffset? LastCheckedAt { get; set; }

    /// <summary>When the last successful check ended.</summary>
    public DateTimeOffset? LastSucceededAt { get; set; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; set; }

    /// <summary>The run of the first failure in the row.</summary>
    public string? FailureRunId { get; set; }

    /// <summary>The last failure's code, while failing.</summary>
    public string? ErrorCode { get; set; }

    /// <summary>The last failure's detail.</summary>
    public string? ErrorDetail { get; set; }

    /// <summary>The last failure's remedy.</summary>
    public string? ErrorRemedy { get; set; }

    /// <summary>Until when the source counts as slow, because a check of it lasted so long that its lease was renewed, and none has succeeded since; null: it does not.</summary>
    public DateTimeOffset? SlowUntil { get; set; }

    /// <summary>How many runs the source has had.</summary>
    public long RunCount { get; set; }

    /// <summary>The commit that the latest webhook announced, while no check has found it; null: it named none, or nothing is awaited.</summary>
    public string? ExpectedSha { get; set; }

    /// <summary>Until when reading again for <see cref="ExpectedSha"/> is worth it.</summary>
    public DateTimeOffset? ExpectedUntil { get; set; }

    /// <summary>Requests up to this number wait for the second reading that a webhook without a commit gets; null: none do.</summary>
    public long? RereadCovers { get; set; }

    /// <summary>When that second reading is due.</summary>
    public DateTimeOffset? RereadAt { get; set; }

    /// <summary>When a check that a webhook asked for last found a new tip: proof that webhooks arrive, and in time.</summary>
    public DateTimeOffset? WebhookProvedAt { get; set; }

    /// <summary>When an authenticated webhook last came.</summary>
    public DateTimeOffset? LastWebhookAt { get; set; }

    /// <summary>Commits in a row that polls found and no webhook announced.</summary>
    public int MissedInRow { get; set; }

    /// <summary>Commits that polls found and no webhook announced.</summary>
    public long MissedTotal { get; set; }

    /// <summary>The last tip that made no run, because no path changed that the source includes.</summary>
    public string? SkippedSha { get; set; }

    /// <summary>The tip before it.</summary>
    public string? SkippedPreviousSha { get; set; }

    /// <summary>When that was.</summary>
    public DateTimeOffset? SkippedAt { get; set; }

    /// <summary>How many tips made no run for that reason.</summary>
    public long SkippedTotal { get; set; }
}
