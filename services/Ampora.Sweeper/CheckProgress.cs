using System.Diagnostics;
using Ampora.Contracts;
using Ampora.Git;
using Ampora.Wakeups;

namespace Ampora.Sweeper;

/// <summary>How far a check came and what each step took, and its result from that.</summary>
internal sealed class CheckProgress
{
    /// <summary>The tip, once it was read.</summary>
    public Tip? Tip { get; set; }

    public TimeSpan TipTime { get; set; }

    public TimeSpan FetchTime { get; set; }

    public TimeSpan StoreTime { get; set; }

    public CheckResult Unchanged(Tip tip) => new CheckResult.Unchanged
    {
        Sha = tip.Sha,
        RefName = tip.RefName,
        MovedTo = tip.MovedTo,
        TipTime = TipTime,
    };

    /// <summary>The tip is to be taken.</summary>
    /// <param name="tip">The tip.</param>
    /// <param name="commit">The commit there.</param>
    /// <param name="parents">Its parents.</param>
    /// <param name="changes">What differs from the known tip.</param>
    /// <param name="skipped">Whether that makes no run.</param>
    /// <param name="forced">Whether it does not descend from the known tip.</param>
    /// <param name="reused">Whether the tree was stored before.</param>
    public CheckResult Moved(
        Tip tip, CommitSummary commit, IReadOnlyList<string> parents, TreeChanges changes, bool skipped, bool forced, bool reused) => new CheckResult.Moved
        {
            Sha = tip.Sha,
            RefName = tip.RefName,
            MovedTo = tip.MovedTo,
            Skipped = skipped,
            Commit = commit,
            Parents = parents,
            Forced = forced,
            Reused = reused,
            Changes = changes.Changes,
            ChangesTruncated = changes.Truncated,
            Counts = changes.Counts,
            TipTime = TipTime,
            FetchTime = FetchTime,
            StoreTime = StoreTime,
        };

    public CheckResult Failed(RunError error, TimeSpan? retryAfter)
    {
        Activity.Current?.SetStatus(ActivityStatusCode.Error, error.Code);
        return new CheckResult.Failed
        {
            Error = error,
            Sha = Tip?.Sha,
            RetryAfter = retryAfter,
            TipTime = TipTime,
            FetchTime = FetchTime,
            StoreTime = StoreTime,
        };
    }
}
