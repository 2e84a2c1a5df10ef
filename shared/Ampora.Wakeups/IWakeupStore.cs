using Ampora.Contracts;

namespace Ampora.Wakeups;

/// <summary>
/// The seam that the protocol runs over: one wake-up row for each source, and what is committed together with it. Each call is atomic;
/// asks, finishes and failures are durable when they return, the others when any later one of those does. There are two implementations, SQL and the model that tests and the simulation use; both pass the same
/// conformance tests. All times in the rows are the store's own clock.
/// </summary>
public interface IWakeupStore
{
    /// <summary>The clock for waits and durations within the process; never compared with the store's.</summary>
    TimeProvider Time { get; }

    /// <summary>A number in [0, 1) for jitter.</summary>
    double NextJitter();

    /// <summary>
    /// Commits many requests as one group: for each accepted one <c>wanted = wanted + 1</c>, with its delivery or request in the ledger
    /// under that number. Rows are locked in id order. A webhook or a manual request pulls a back-off forward, and a second reading to
    /// <see cref="WakeupPolicy.QuietPeriod"/> after the first. A webhook's commit is expected for <see cref="WakeupPolicy.ExpectFor"/>; one that names none does not
    /// end the wait for another's. Each delivery, ignored or not, notes when its secret was used.
    /// </summary>
    /// <param name="asks">The requests; several may be for one source.</param>
    /// <param name="cancellationToken">Ends the wait; the outcome is then unknown.</param>
    /// <returns>One outcome for each request, in their order.</returns>
    Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken);

    /// <summary>
    /// Claims a source: succeeds only if <c>wanted &gt; done</c>, it is not paused, <c>not_before</c> has passed, no lease is live, and its host has a place: live
    /// leases of sources that are slow as it is, or are not as it is not, on fewer other remotes than <see cref="WakeupPolicy.SlowChecksPerHost"/> or
    /// <see cref="WakeupPolicy.ChecksPerHost"/>; of both on fewer than <see cref="WakeupPolicy.MostChecksPerHost"/>; and fewer than
    /// <see cref="WakeupPolicy.LeasesPerHost"/> at all. A source refused for its host alone is marked as waiting for it.
    /// </summary>
    /// <param name="sourceId">The slug of the source.</param>
    /// <param name="owner">Who claims.</param>
    /// <param name="cancellationToken">Ends the wait; a claim that was made all the same ends with its lease.</param>
    Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken);

    /// <summary>Prolongs the lease of a claim. A source whose check lasts until then is slow, for <see cref="WakeupPolicy.SlowFor"/> or until a check succeeds.</summary>
    /// <returns>False when the claim is no longer the row's.</returns>
    Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken);

    /// <summary>Reads who asked for what a claim covers; a poll is one entry, and only when nothing else asked.</summary>
    /// <param name="claim">The claim.</param>
    /// <param name="limit">At most so many, oldest first.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Commits a success in one transaction, guarded by owner, fence and <c>done &lt; covered</c>: sweep, run, snapshot made visible, new
    /// tip, results of the covered deliveries, outbox message, and last <c>done = covered</c>, <c>fence = fence + 1</c>, no lease, no
    /// failures, and nothing expected of the covered webhooks any more. A new tip that a webhook asked for proves webhooks live: an adaptive interval doubles, up
    /// to <see cref="WakeupPolicy.MaxAdaptiveInterval"/>. One that only a poll found is kept, to be judged by <see cref="TakeUnannouncedAsync"/>, if the source
    /// has a webhook's secret or ever had a webhook. A new tip without a run is noted as skipped, and told of as a change of the source; its deliveries are unchanged.
    /// Where the snapshot that is to become visible is not there, nothing is committed: see <see cref="FinishResult.SnapshotVanished"/>.
    /// </summary>
    Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken);

    /// <summary>
    /// Commits a failure under the same guard: <c>done</c> stays, the lease ends, <c>not_before</c> is set, failures count one more.
    /// </summary>
    Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken);

    /// <summary>
    /// Commits, under the same guard, that the tip is to be read again: <c>done</c> moves to <see cref="PostponedCheck.Done"/> only, what that covers is settled as
    /// unchanged, the lease ends and <c>fence = fence + 1</c>. The source is held back until <see cref="PostponedCheck.RereadAt"/>, but no longer than
    /// <see cref="WakeupPolicy.RereadEvery"/>, and only for <see cref="WakeupPolicy.QuietPeriod"/> when more is wanted than the claim covers. It counts as not
    /// woken, so that reconciliation takes it as soon as that time is over.
    /// </summary>
    Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken);

    /// <summary>Gives a claim back unfinished, so that another may start at once.</summary>
    /// <returns>False when the claim is no longer the row's.</returns>
    Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken);

    /// <summary>
    /// Takes the source that has waited longest for a place on this host, of those that have one now, and with it those that wait for it on the same remote, at most
    /// <see cref="WakeupPolicy.LeasesPerHost"/>, so that they can be woken.
    /// </summary>
    /// <returns>The sources to wake, longest waiting first; none when none waits.</returns>
    Task<IReadOnlyList<string>> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken);

    /// <summary>
    /// Asks for each source whose poll is due, and picks up poll-only wake-ups that nobody finished, both from one budget shared by all
    /// replicas: <see cref="WakeupPolicy.PollRateFactor"/> × Σ 1/interval a second, so that no downtime ends in a storm. A due source that
    /// is already wanted is only moved to its next poll.
    /// </summary>
    /// <returns>The sources to wake.</returns>
    Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Takes sources with an unfinished webhook or manual wake-up that could be claimed now and were not woken within
    /// <see cref="WakeupPolicy.RecentWakeup"/>.
    /// </summary>
    /// <returns>The sources to wake.</returns>
    Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Judges commits that polls found at least <paramref name="grace"/> ago: a commit was announced if a delivery that was received within that time of it, before
    /// or after, named it or named none; else its webhook was missed. A miss is counted on the source, and its interval falls back to the operator's. An interval
    /// that has stretched falls back as well when no webhook has proved live for <see cref="WakeupPolicy.ProofHolds"/>.
    /// </summary>
    /// <param name="grace">How long a webhook may be late, or a poll.</param>
    /// <param name="limit">The sources of so many commits, the oldest, are judged, each with all of its commits that are as old.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was judged; it is not judged again.</returns>
    Task<IReadOnlyList<JudgedCommit>> TakeUnannouncedAsync(TimeSpan grace, int limit, CancellationToken cancellationToken);

    /// <summary>Takes outbox messages that were not acknowledged in time, and puts off their next turn.</summary>
    Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken);

    /// <summary>Removes an outbox message whose effect is durable, and notes on the run, if there is one, where it is recorded.</summary>
    Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken);
}
