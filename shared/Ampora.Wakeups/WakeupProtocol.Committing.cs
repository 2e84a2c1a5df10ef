using Ampora.Contracts;

namespace Ampora.Wakeups;

/// <summary>What a check's result becomes: a record that is made once and committed under the claim's guard, however many tries that takes.</summary>
public sealed partial class WakeupProtocol
{
    // A finish whose outcome is unknown is tried again under its guard; after these, the lease ends and another sweeper checks anew.
    private static readonly TimeSpan[] FinishRetries = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2)];

    private async Task<FinishResult> CommitAsync(Claim claim, CheckResult result, Action<Run>? observer, CancellationToken stopping)
    {
        // What is committed must not depend on which try commits it: the record is made once, before the first.
        var makesRun = result switch
        {
            CheckResult.Moved { Skipped: true } => !claim.HasRun || claim.Failures > 0,
            CheckResult.Moved => true,
            CheckResult.Unchanged => claim.Failures > 0,
            _ => claim.Failures == 0,
        };
        var run = makesRun ? await MakeRunAsync(claim, result, stopping) : null;
        var message = run is null ? null : new OutboxMessage(RunIds.MessageId(claim), run.Summary);
        var failed = result is CheckResult.Failed f ? MakeFailure(claim, f, run, message) : null;
        var postponed = result is CheckResult.Unchanged u ? Rereading.Decide(claim, u.Sha, policy) : null;
        var finished = failed is not null || postponed is not null
            ? null
            : Finish(result, run, message);

        for (var attempt = 0; ; attempt++)
        {
            try
            {
                FinishResult committed;
                using (Spans.Commit())
                {
                    committed = finished is not null
                        ? await store.FinishAsync(claim, finished, stopping)
                        : postponed is not null
                            ? await store.PostponeAsync(claim, postponed with { Run = run, Message = message }, stopping)
                            : await store.FailAsync(claim, failed!, stopping);
                }

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

    private static FinishedCheck Finish(CheckResult result, Run? run, OutboxMessage? message) => result switch
    {
        CheckResult.Moved moved => new FinishedCheck
        {
            TipSha = moved.Sha,
            RefName = moved.RefName,
            MovedTo = moved.MovedTo,
            Moved = moved,
            Run = run,
            Message = message,
        },
        CheckResult.Unchanged unchanged => new FinishedCheck
        {
            TipSha = unchanged.Sha,
            RefName = unchanged.RefName,
            MovedTo = unchanged.MovedTo,
            Run = run,
            Message = message,
        },
        _ => throw new ArgumentException($"A check that ended in {result.GetType()} has not succeeded.", nameof(result)),
    };

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

    private static string? ShaOf(CheckResult result) => result switch
    {
        CheckResult.Moved moved => moved.Sha,
        CheckResult.Unchanged unchanged => unchanged.Sha,
        CheckResult.Failed failed => failed.Sha,
        _ => null,
    };
}
