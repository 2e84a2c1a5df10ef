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
public sealed class WakeupProtocol(IWakeupStore store, IMessagePublisher publisher, WakeupPolicy policy, string owner)
{
    // A finish whose outcome is unknown is tried again under its guard; after these, the lease ends and another sweeper checks anew.
    private static readonly TimeSpan[] FinishRetries = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2)];

    // A release is a courtesy that shortens the wait for the next sweeper; a database that is away must not hold up the stop.
    private static readonly TimeSpan ReleaseDeadline = TimeSpan.FromSeconds(2);

    /// <summary>Commits requests for checks. The caller answers its own client when this returns, and then calls <see cref="WakeAsync"/>.</summary>
    /// <param name="asks">The requests.</param>
    /// <param name="cancellationToken">Ends the wait; the outcome is then unknown.</param>
    /// <returns>One outcome for each request, in their order.</returns>
    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) =>
        store.AskAsync(asks, cancellationToken);

    /// <summary>Tells the sweepers of committed wake-ups. What is not told now, reconciliation tells later.</summary>
    /// <param name="sourceIds">The sources.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the bus took them all; otherwise why it took no more.</returns>
    public async Task<Exception?> WakeAsync(IEnumerable<string> sourceIds, CancellationToken cancellationToken)
    {
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
            var attempt = await store.ClaimAsync(sourceId, owner, stopping);
            if (attempt.Claim is not { } claim)
                return attempt.RetryIn;

            bool again;
            TimeSpan? pause = null;
            try
            {
                var result = await CheckUnderLeaseAsync(claim, check, stopping);
                var finished = result is null ? default : await CommitAsync(claim, result, committed, stopping);
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
            if (await store.TakeWaitingForHostAsync(claim.Host, stopping) is { } waiting)
                await WakeAsync([waiting], stopping);

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
        try
        {
            await publisher.PublishAsync(message.Payload, message.Id, timeToLive: null, cancellationToken);
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return e;
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
            await lease.CancelAsync();
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
                await Task.Delay(policy.RenewEvery, store.Time, lease.Token);
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
                    await lease.CancelAsync();
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

    private async Task<FinishResult> CommitAsync(Claim claim, CheckResult result, Action<Run>? observer, CancellationToken stopping)
    {
        // What is committed must not depend on which try commits it: the record is made once, before the first.
        var makesRun = result switch
        {
            CheckResult.Moved => true,
            CheckResult.Unchanged => claim.Failures > 0,
            _ => claim.Failures == 0,
        };
        var run = makesRun ? await MakeRunAsync(claim, result, stopping) : null;
        var message = run is null ? null : new OutboxMessage(RunIds.MessageId(claim), run.Summary);
        var failed = result is CheckResult.Failed f ? MakeFailure(claim, f, run, message) : null;
        var finished = failed is not null
            ? null
            : new FinishedCheck { TipSha = ShaOf(result)!, Moved = result as CheckResult.Moved, Run = run, Message = message };

        for (var attempt = 0; ; attempt++)
        {
            try
            {
                var committed = finished is not null
                    ? await store.FinishAsync(claim, finished, stopping)
                    : await store.FailAsync(claim, failed!, stopping);
                // Refused after an unknown outcome may mean "committed the first time" or "superseded": only the relay can tell.
                if (run is not null && committed.Committed)
                {
                    observer?.Invoke(run);
                    await TryPublishAsync(message!, stopping);
                }

                return committed;
            }
            catch (Exception e) when (e is not OperationCanceledException && attempt < FinishRetries.Length)
            {
                await Task.Delay(FinishRetries[attempt], store.Time, stopping);
            }
        }
    }

    private async Task<Run> MakeRunAsync(Claim claim, CheckResult result, CancellationToken cancellationToken)
    {
        var moved = result as CheckResult.Moved;
        var failed = result as CheckResult.Failed;
        var changes = moved?.Changes ?? [];
        var worked = result.TipTime + result.FetchTime + result.StoreTime;
        var summary = new SyncRunCompleted
        {
            RunId = RunIds.RunId(claim),
            SourceId = claim.SourceId,
            Url = claim.Url,
            Ref = claim.Ref,
            Trigger = claim.Trigger,
            TriggeredBy = await store.ReadTriggersAsync(claim, SyncRunCompleted.MaxTriggeredBy, cancellationToken),
            Outcome = failed is null ? "succeeded" : "failed",
            RecoveredAfterFailures = failed is null ? claim.Failures : 0,
            PreviousSha = claim.TipSha,
            Sha = ShaOf(result),
            Forced = moved?.Forced ?? false,
            Reused = moved?.Reused ?? result is CheckResult.Unchanged,
            Commit = moved?.Commit,
            Changes = changes.Count <= SyncRunCompleted.MaxChanges ? changes : [.. changes.Take(SyncRunCompleted.MaxChanges)],
            Counts = moved?.Counts ?? ChangeCounts.None,
            RequestedAt = claim.AskedAt,
            StartedAt = claim.ClaimedAt,
            CompletedAt = claim.ClaimedAt + worked,
            Error = failed?.Error,
        };
        return new Run
        {
            Summary = summary,
            Changes = changes,
            ChangesTruncated = moved?.ChangesTruncated ?? false,
            QueueTime = claim.ClaimedAt > claim.AskedAt ? claim.ClaimedAt - claim.AskedAt : TimeSpan.Zero,
            TipTime = result.TipTime,
            FetchTime = result.FetchTime,
            StoreTime = result.StoreTime,
        };
    }

    private FailedCheck MakeFailure(Claim claim, CheckResult.Failed failed, Run? run, OutboxMessage? message)
    {
        // ± 25 %, so that sources that failed together do not come back together; 8 s − 25 % is still above the 5 s floor.
        var backOff = policy.BackOff(claim.Failures + 1) * (0.75 + (0.5 * store.NextJitter()));
        backOff = backOff < policy.MaxBackOff ? backOff : policy.MaxBackOff;
        var retryAfter = failed.RetryAfter < policy.MaxRetryAfter ? failed.RetryAfter : failed.RetryAfter is null ? null : policy.MaxRetryAfter;
        return new FailedCheck
        {
            Error = failed.Error,
            BackOff = retryAfter > backOff ? retryAfter.Value : backOff,
            RetryAfter = retryAfter,
            Run = run,
            Message = message,
        };
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

    private static string? ShaOf(CheckResult result) => result switch
    {
        CheckResult.Moved moved => moved.Sha,
        CheckResult.Unchanged unchanged => unchanged.Sha,
        CheckResult.Failed failed => failed.Sha,
        _ => null,
    };
}
