using Ampora.Contracts;

namespace Ampora.Wakeups;

/// <summary>The right to check one source, until the lease ends or somebody raises the fence.</summary>
public sealed record Claim
{
    /// <summary>The slug of the source.</summary>
    public required string SourceId { get; init; }

    /// <summary>The identity of this incarnation of the source; a source deleted and created again has another.</summary>
    public required Guid SourceUid { get; init; }

    /// <summary>Who holds the lease.</summary>
    public required string Owner { get; init; }

    /// <summary>The fence of this claim; every write of the check is refused once the row has another.</summary>
    public required long Fence { get; init; }

    /// <summary>Requests up to this number are covered by the check.</summary>
    public required long Covered { get; init; }

    /// <summary>Requests up to this number were covered before.</summary>
    public required long Done { get; init; }

    /// <summary>Whether a webhook is among what is covered.</summary>
    public required bool CoversWebhook { get; init; }

    /// <summary>Whether an operator's request is among what is covered.</summary>
    public required bool CoversManual { get; init; }

    /// <summary>Whether the source has had a run before.</summary>
    public required bool HasRun { get; init; }

    /// <summary>When the oldest covered request was made, by the database's clock.</summary>
    public required DateTimeOffset AskedAt { get; init; }

    /// <summary>When the claim was made, by the database's clock.</summary>
    public required DateTimeOffset ClaimedAt { get; init; }

    /// <summary>The version of the source's settings that the check is for.</summary>
    public required long Config { get; init; }

    /// <summary>The authority (name and port) of the Git host, by which checks at once are counted.</summary>
    public required string Host { get; init; }

    /// <summary>The repository's URL in this version of the settings, without credentials.</summary>
    public required string Url { get; init; }

    /// <summary>The ref as the source names it in this version of the settings.</summary>
    public required string Ref { get; init; }

    /// <summary>The tip that is known; null before the first success.</summary>
    public string? TipSha { get; init; }

    /// <summary>The full name of the ref at which the tip is known, or the commit's id of a source that names one; null before the first success under these settings.</summary>
    public string? TipRef { get; init; }

    /// <summary>The version of the settings under which the known tip was stored; null before the first success.</summary>
    public long? TipConfig { get; init; }

    /// <summary>How many other sources of the same remote are wanted and could be claimed right now: their tips can be read together with this one's.</summary>
    public int Companions { get; init; }

    /// <summary>Failures in a row before this check.</summary>
    public int Failures { get; init; }

    /// <summary>Whether the source's last checks took long and failed; see <see cref="WakeupPolicy.SlowFor"/>.</summary>
    public bool IsSlow { get; init; }

    /// <summary>The number of the latest request by a webhook.</summary>
    public long LatestWebhook { get; init; }

    /// <summary>The commit that a covered webhook announced; null when none named one.</summary>
    public string? ExpectedSha { get; init; }

    /// <summary>Whether a webhook came so recently that the host may not show yet what it tells of.</summary>
    public bool ExpectationIsOpen { get; init; }

    /// <summary>Requests up to this number were read for already, and wait for the end of <see cref="RereadAt"/>; null when none do.</summary>
    public long? RereadCovers { get; init; }

    /// <summary>When they have waited long enough, by the database's clock.</summary>
    public DateTimeOffset? RereadAt { get; init; }

    /// <summary>Whether that time had come when the claim was made.</summary>
    public bool RereadIsDue { get; init; }

    /// <summary>What a run made by this check is attributed to: <c>initial</c>, <c>webhook</c>, <c>manual</c> or <c>poll</c>.</summary>
    public string Trigger => !HasRun ? "initial" : CoversWebhook ? "webhook" : CoversManual ? "manual" : "poll";
}

/// <summary>The answer to an attempt to claim.</summary>
/// <param name="Claim">The claim, or null when there is nothing to do now.</param>
/// <param name="RetryIn">
/// Without a claim: when it is worth trying again from here, because a short pause ends then; null when somebody else covers the wake-up
/// or reconciliation will.
/// </param>
public sealed record ClaimResult(Claim? Claim, TimeSpan? RetryIn)
{
    /// <summary>Nothing to do, or somebody else does it.</summary>
    public static ClaimResult None { get; } = new(null, null);
}

/// <summary>What a check found.</summary>
public abstract record CheckResult
{
    private CheckResult()
    {
    }

    /// <summary>How long reading the tip took.</summary>
    public TimeSpan TipTime { get; init; }

    /// <summary>How long the fetch took; zero when there was none.</summary>
    public TimeSpan FetchTime { get; init; }

    /// <summary>How long storing took; zero when there was nothing to store.</summary>
    public TimeSpan StoreTime { get; init; }

    /// <summary>The tip is the one that is known.</summary>
    public sealed record Unchanged : CheckResult
    {
        /// <summary>The tip that was read.</summary>
        public required string Sha { get; init; }

        /// <summary>The full name of the ref that it was read at, or the commit's id of a source that names one.</summary>
        public required string RefName { get; init; }

        /// <summary>Where the repository has moved to within its host, without credentials; null: it is where the source says.</summary>
        public string? MovedTo { get; init; }
    }

    /// <summary>The tip is another one, and its tree is staged: complete, hashed, and invisible until the finish.</summary>
    public sealed record Moved : CheckResult
    {
        /// <summary>The new tip.</summary>
        public required string Sha { get; init; }

        /// <summary>The full name of the ref that it was read at, or the commit's id of a source that names one.</summary>
        public required string RefName { get; init; }

        /// <summary>Where the repository has moved to within its host, without credentials; null: it is where the source says.</summary>
        public string? MovedTo { get; init; }

        /// <summary>
        /// Whether no path changed that the source includes: the tip moves and its tree becomes visible, but there is no run, unless it is the first or recovers
        /// from failures. A known tip whose settings are newer than its tree is given so, too.
        /// </summary>
        public bool Skipped { get; init; }

        /// <summary>The commit at the tip.</summary>
        public required CommitSummary Commit { get; init; }

        /// <summary>Object ids of the commit's parents, in order.</summary>
        public required IReadOnlyList<string> Parents { get; init; }

        /// <summary>Whether the new tip does not descend from the known one.</summary>
        public required bool Forced { get; init; }

        /// <summary>Whether the tree was stored before and is used again.</summary>
        public required bool Reused { get; init; }

        /// <summary>Paths that differ, perhaps cut; see <see cref="ChangesTruncated"/>.</summary>
        public required IReadOnlyList<PathChange> Changes { get; init; }

        /// <summary>Whether <see cref="Changes"/> was cut at its limit.</summary>
        public required bool ChangesTruncated { get; init; }

        /// <summary>How many paths differ, uncut.</summary>
        public required ChangeCounts Counts { get; init; }
    }

    /// <summary>The check did not succeed.</summary>
    public sealed record Failed : CheckResult
    {
        /// <summary>What went wrong.</summary>
        public required RunError Error { get; init; }

        /// <summary>The tip, when it was read before the failure.</summary>
        public string? Sha { get; init; }

        /// <summary>How long the host asked to be left alone; null when it did not say.</summary>
        public TimeSpan? RetryAfter { get; init; }
    }
}

/// <summary>Reads the tip of a claimed source and stages its tree. The Sweeper's is real; the simulation's is scripted.</summary>
public interface ICheck
{
    /// <summary>Checks once. The tip is read within this call, so after the claim.</summary>
    /// <param name="claim">The claim that the check is for.</param>
    /// <param name="cancellationToken">Set when the lease is lost or the process stops.</param>
    /// <returns>What was found; expected failures are a <see cref="CheckResult.Failed"/>, not an exception.</returns>
    Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken);
}
