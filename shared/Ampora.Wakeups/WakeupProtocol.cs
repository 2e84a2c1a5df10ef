using Ampora.Contracts;

namespace Ampora.Wakeups;

/// <summary>
/// The wake-up protocol: ask, claim, check, finish, again, fail, reconcile. The store is the truth and the bus the fast path: nothing
/// here depends on a message arriving. Safe for concurrent use; any number of processes run it over one store.
/// </summary>
/// <param name="store">Where wake-ups are kept, and the only source of time and chance.</param>
/// <param name="publisher">The bus.</param>
/// <param name="policy">Times and limits.</param>
/// <param name="owner">Names this process in leases; unique for each start.</param>
public sealed partial class WakeupProtocol(IWakeupStore store, IMessagePublisher publisher, WakeupPolicy policy, string owner)
{
    // A release is a courtesy that shortens the wait for the next sweeper; a database that is away must not hold up the stop.
    private static readonly TimeSpan ReleaseDeadline = TimeSpan.FromSeconds(2);

    // A kept tree that vanished before the finish is fetched by the next attempt; whatever else takes it again is left to reconciliation.
    private const int MaxAttempts = 3;

    /// <summary>Commits requests for checks. The caller answers its own client when this returns, and then calls <see cref="WakeAsync"/>.</summary>
    /// <param name="asks">The requests.</param>
    /// <param name="cancellationToken">Ends the wait; the outcome is then unknown.</param>
    /// <returns>One outcome for each request, in their order.</returns>
    public async Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        using var span = Spans.Ask();
        return await store.AskAsync(asks, cancellationToken);
    }

    /// <summary>Tells the sweepers of committed wake-ups. What is not told now, reconciliation tells later.</summary>
    /// <param name="sourceIds">The sources.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the bus took them all; otherwise why it took no more.</returns>
    public async Task<Exception?> WakeAsync(IReadOnlyCollection<string> sourceIds, CancellationToken cancellationToken)
    {
        if (sourceIds.Count == 0)
            return null;

        using var span = Spans.Wake();
        try
        {
            await Task.WhenAll(sourceIds.Select(id =>
                publisher.PublishAsync(new TipCheckRequested { SourceId = id }, Guid.NewGuid(), policy.WakeupTimeToLive, cancellationToken)));
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return e;
        }
    }

    /// <summary>Claims and checks a source until nothing is left to do for it now.</summary>
    /// <param name="sourceId">The slug of the source.</param>
    /// <param name="check">Reads the tip and stages the tree.</param>
    /// <param name="stopping">Set when the process stops: the claim in hand is given back.</param>
    /// <param name="committed">Told of each run that was committed, for logs and metrics; it must not throw.</param>
    /// <returns>When to call again because a short pause ends then; null when reconciliation or somebody else takes over.</returns>
    public async Task<TimeSpan?> SweepAsync(string sourceId, ICheck check, CancellationToken stopping, Action<Run>? committed = null)
    {
        while (true)
        {
            var attempt = await ClaimAsync(sourceId, stopping);
            if (attempt.Claim is not { } claim)
                return attempt.RetryIn;

            bool again;
            TimeSpan? pause = null;
            try
            {
                var (result, finished) = await CheckAndCommitAsync(claim, check, committed, stopping);
                again = finished is { Committed: true, MoreWanted: true } && result is CheckResult.Moved;
                if (finished is { Committed: true, MoreWanted: true } && result is CheckResult.Unchanged)
                    pause = policy.QuietPeriod;
            }
            catch
            {
                await ReleaseAsync(claim);
                throw;
            }

            // The place on the host is free: whoever was turned away for it need not wait for reconciliation.
            if (await store.TakeWaitingForHostAsync(claim.Host, stopping) is { Count: > 0 } waiting)
                await WakeAsync(waiting, stopping);

            if (!again)
                return pause;
        }
    }

    /// <summary>Asks for the polls that are due and wakes them. The Scheduler calls it on every tick.</summary>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many sources were woken, and why the bus did not take them, if it did not.</returns>
    public async Task<(int Woken, Exception? Failure)> PollAsync(int limit, CancellationToken cancellationToken)
    {
        var due = await store.TakeDuePollsAsync(limit, cancellationToken);
        return (due.Count, await WakeAsync(due, cancellationToken));
    }

    /// <summary>Wakes sources whose wake-up nobody finished. The Scheduler calls it on every tick.</summary>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many sources were woken, and why the bus did not take them, if it did not.</returns>
    public async Task<(int Woken, Exception? Failure)> ReconcileAsync(int limit, CancellationToken cancellationToken)
    {
        var unfinished = await store.TakeUnfinishedAsync(limit, cancellationToken);
        return (unfinished.Count, await WakeAsync(unfinished, cancellationToken));
    }

    /// <summary>
    /// Judges whether webhooks announced what polls found, and lets stretched intervals fall back. The Scheduler calls it every few seconds; it wakes nobody.
    /// </summary>
    /// <param name="grace">How long a webhook may be late, or a poll.</param>
    /// <param name="limit">The sources of so many commits, the oldest, are judged.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<IReadOnlyList<JudgedCommit>> JudgeAsync(TimeSpan grace, int limit, CancellationToken cancellationToken) =>
        store.TakeUnannouncedAsync(grace, limit, cancellationToken);

    /// <summary>Publishes outbox messages that nobody has acknowledged. The Scheduler calls it on every tick.</summary>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How many were published again, and why the bus took no more, if it did not.</returns>
    public async Task<(int Published, Exception? Failure)> RelayAsync(int limit, CancellationToken cancellationToken)
    {
        var published = 0;
        foreach (var message in await store.TakeUnacknowledgedAsync(limit, cancellationToken))
        {
            if (await TryPublishAsync(message, cancellationToken) is { } failure)
                return (published, failure);
            published++;
        }

        return (published, null);
    }

    /// <summary>Removes an outbox message whose effect is durable.</summary>
    /// <param name="committed">The acknowledgement.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) =>
        store.AcknowledgeAsync(committed, cancellationToken);

    /// <summary>Publishes a message that was just committed; when the bus does not take it, the relay will send it.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null, or why the bus did not take it.</returns>
    public async Task<Exception?> TryPublishAsync(OutboxMessage message, CancellationToken cancellationToken)
    {
        using var span = Spans.Publish();
        try
        {
            // By then the relay sends another: copies do not pile up in the broker for as long as nobody takes them.
            await publisher.PublishAsync(message.Payload, message.Id, policy.MaxRelayDelay, cancellationToken);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return e;
        }
    }

    private async Task<ClaimResult> ClaimAsync(string sourceId, CancellationToken stopping)
    {
        using var span = Spans.Claim();
        return await store.ClaimAsync(sourceId, owner, stopping);
    }

    /// <returns>What the check found, or null when the lease was lost under it; and what became of it.</returns>
    private async Task<(CheckResult? Result, FinishResult Finished)> CheckAndCommitAsync(
        Claim claim, ICheck check, Action<Run>? committed, CancellationToken stopping)
    {
        for (var attempt = 1; ; attempt++)
        {
            var result = await CheckUnderLeaseAsync(claim, check, stopping);
            var finished = result is null ? default : await CommitAsync(claim, result, committed, stopping);
            if (!finished.SnapshotVanished)
                return (result, finished);
            if (attempt < MaxAttempts)
                continue;
            await ReleaseAsync(claim);
            return (result, finished);
        }
    }

    /// <returns>What the check found, or null when the lease was lost under it.</returns>
    private async Task<CheckResult?> CheckUnderLeaseAsync(Claim claim, ICheck check, CancellationToken stopping)
    {
        using var lease = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var renewing = RenewAsync(claim, lease);
        try
        {
            return await check.RunAsync(claim, lease.Token);
        }
        catch (OperationCanceledException) when (lease.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            // At once and on this stack: CancelAsync would go by the thread pool, and the simulation decides what runs when.
            lease.Cancel();
            await renewing;
        }
    }

    private async Task RenewAsync(Claim claim, CancellationTokenSource lease)
    {
        var confirmed = store.Time.GetTimestamp();
        try
        {
            while (true)
            {
                // Every check ends so: not worth an exception.
                await Task.Delay(policy.RenewEvery, store.Time, lease.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
                if (lease.IsCancellationRequested)
                    return;
                var sent = store.Time.GetTimestamp();
                bool renewed;
                try
                {
                    renewed = await store.RenewAsync(claim, lease.Token);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // The store is away for a moment. The lease still holds until its end; only then is the check pointless.
                    if (store.Time.GetElapsedTime(confirmed) < policy.Lease)
                        continue;
                    renewed = false;
                }

                if (!renewed)
                {
                    lease.Cancel();
                    return;
                }

                confirmed = sent;
            }
        }
        catch (OperationCanceledException)
        {
            // The check has ended, or the process stops.
        }
    }

    private async Task ReleaseAsync(Claim claim)
    {
        using var deadline = new CancellationTokenSource(ReleaseDeadline, store.Time);
        try
        {
            await store.ReleaseAsync(claim, deadline.Token);
        }
        catch (Exception)
        {
            // The lease ends by itself, and what stopped the check is already on its way to the caller.
        }
    }
}
