using Ampora.Contracts;

namespace Ampora.Wakeups;

/// <summary>A run as the store keeps it.</summary>
public sealed record Run
{
    /// <summary>What is told about the run; its lists may be shorter than those here.</summary>
    public required SyncRunCompleted Summary { get; init; }

    /// <summary>Paths that differ.</summary>
    public required IReadOnlyList<PathChange> Changes { get; init; }

    /// <summary>Whether <see cref="Changes"/> was cut at its limit.</summary>
    public required bool ChangesTruncated { get; init; }

    /// <summary>From the oldest covered request to the claim.</summary>
    public required TimeSpan QueueTime { get; init; }

    /// <summary>Reading the tip.</summary>
    public required TimeSpan TipTime { get; init; }

    /// <summary>Fetching.</summary>
    public required TimeSpan FetchTime { get; init; }

    /// <summary>Storing.</summary>
    public required TimeSpan StoreTime { get; init; }
}

/// <summary>A message to be published because something was committed; kept until its effect is acknowledged.</summary>
/// <param name="Id">The message id, by which consumers recognise a duplicate.</param>
/// <param name="Payload">A message of Ampora.Contracts.</param>
public sealed record OutboxMessage(Guid Id, object Payload);

/// <summary>What is committed when a check succeeded.</summary>
public sealed record FinishedCheck
{
    /// <summary>The tip that was read.</summary>
    public required string TipSha { get; init; }

    /// <summary>The full name of the ref that it was read at, or the commit's id of a source that names one.</summary>
    public required string RefName { get; init; }

    /// <summary>Where the repository has moved to within its host, without credentials; null: it is where the source says.</summary>
    public string? MovedTo { get; init; }

    /// <summary>The tree and commit to make visible as a sweep; null when the tip has not moved.</summary>
    public CheckResult.Moved? Moved { get; init; }

    /// <summary>The run; null when nothing was new, or nothing that the source includes, and nothing had failed before.</summary>
    public Run? Run { get; init; }

    /// <summary>The message that reports <see cref="Run"/>; null when there is none.</summary>
    public OutboxMessage? Message { get; init; }

    /// <summary>Whether the next check must wait for <see cref="WakeupPolicy.QuietPeriod"/>, because this one found nothing new.</summary>
    public bool Quiet => Moved is null;

    /// <summary>Whether the tip is another one than was known: what a webhook proves by, and a poll may have found alone.</summary>
    /// <param name="claim">The claim, which knows the tip.</param>
    public bool IsTransition(Claim claim) => Moved is not null && TipSha != claim.TipSha;

    /// <summary>Whether the source shows the transition as one that made no run.</summary>
    /// <param name="claim">The claim, which knows the tip.</param>
    public bool IsSkip(Claim claim) => IsTransition(claim) && Run is null;
}

/// <summary>
/// What is committed when a check succeeded and found nothing new, but a webhook came so recently that the host may lag: the tip is to be read again. Nobody
/// waits for that; the row is held back, and reconciliation wakes it.
/// </summary>
public sealed record PostponedCheck
{
    /// <summary>Requests up to this number are answered all the same: they have been read for often enough.</summary>
    public required long Done { get; init; }

    /// <summary>Requests up to this number wait until <see cref="RereadAt"/>.</summary>
    public required long RereadCovers { get; init; }

    /// <summary>When they have waited long enough. The next reading comes at the latest <see cref="WakeupPolicy.RereadEvery"/> from now.</summary>
    public required DateTimeOffset RereadAt { get; init; }

    /// <summary>The run, when the check is the first to succeed after failures; null otherwise.</summary>
    public Run? Run { get; init; }

    /// <summary>The message that reports <see cref="Run"/>; null when there is none.</summary>
    public OutboxMessage? Message { get; init; }
}

/// <summary>A commit that a poll found, and what was judged about it.</summary>
/// <param name="SourceId">The slug of the source.</param>
/// <param name="Sha">The commit.</param>
/// <param name="Missed">Whether no webhook had announced it.</param>
public sealed record JudgedCommit(string SourceId, string Sha, bool Missed);

/// <summary>What is committed when a check failed.</summary>
public sealed record FailedCheck
{
    /// <summary>What went wrong.</summary>
    public required RunError Error { get; init; }

    /// <summary>When the next check may start, counted from now.</summary>
    public required TimeSpan BackOff { get; init; }

    /// <summary>The host's own wish, which even a webhook does not shorten; null when it had none.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The run, for the first failure in a row; null for a repeat, which only counts.</summary>
    public Run? Run { get; init; }

    /// <summary>The message that reports <see cref="Run"/>; null when there is none.</summary>
    public OutboxMessage? Message { get; init; }
}

/// <summary>The answer to a finish.</summary>
/// <param name="Committed">
/// False when the guard refused it: the lease was lost, the settings changed, or an earlier try of the same finish has already been
/// committed.
/// </param>
/// <param name="MoreWanted">Whether requests came in that the check does not cover.</param>
/// <param name="SnapshotVanished">
/// Nothing was committed, because the tree that was to become visible is not there any more: it had been kept from before, and its time was over. The claim holds,
/// and the check is to be done again.
/// </param>
public readonly record struct FinishResult(bool Committed, bool MoreWanted, bool SnapshotVanished = false);
