using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>How checks end.</summary>
public sealed partial class ModelWakeupStore
{
    public Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (ToFinish(claim) is not { } source)
                return Task.FromResult(default(FinishResult));
            if (finished.Moved is { } moved && _rules.FinishNeedsSnapshot && !source.Snapshots.Contains((claim.Config, moved.Sha)))
                return Task.FromResult(new FinishResult(false, false, SnapshotVanished: true));
            NoteTip(source, claim, finished);
            Record(source, finished.Run, finished.Message);
            Settle(source, claim, claim.Covered, finished.Run is null ? "unchanged" : "run", finished.Run?.Summary.RunId);
            if (_rules.FinishMovesDone)
                source.Done = _rules.FinishCoversTheClaim ? claim.Covered : source.Wanted;
            source.AskedAt = source.AskedSinceClaimAt;
            source.Failures = 0;
            source.SlowUntil = null;
            source.FailureRunId = null;
            source.RetryAfterUntil = null;
            if (source.WantedWebhook <= claim.Covered)
                (source.ExpectedSha, source.ExpectedUntil) = (null, null);
            (source.RereadCovers, source.RereadAt) = (null, null);
            HoldBack(source, finished.Quiet ? policy.QuietPeriod : null);
            EndLeaseOfFinish(source);
            if (finished.IsTransition(claim))
                NoteFound(source, claim);
            return Task.FromResult(new FinishResult(true, source.Wanted > source.Done));
        }
    }

    public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (ToFinish(claim) is not { } source)
                return Task.FromResult(default(FinishResult));
            Record(source, failed.Run, failed.Message);
            source.Failures++;
            source.FailureRunId = failed.Run?.Summary.RunId ?? source.FailureRunId;
            Settle(source, claim, claim.Covered, "failed", source.FailureRunId);
            source.RetryAfterUntil = Now + failed.RetryAfter;
            if (!_rules.FailureKeepsDone)
                source.Done = claim.Covered;
            HoldBack(source, failed.BackOff);
            EndLease(source);
            return Task.FromResult(new FinishResult(true, source.Wanted > claim.Covered));
        }
    }

    public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (Held(claim) is not { } source)
                return Task.FromResult(false);
            EndLease(source);
            return Task.FromResult(true);
        }
    }

    private ModelSource? ToFinish(Claim claim) => Held(claim) is { } source && (!_rules.FinishesOnce || source.Done < claim.Covered) ? source : null;

    private void EndLeaseOfFinish(ModelSource source)
    {
        if (_rules.FinishesOnce)
            EndLease(source);
        else
            source.LeaseUntil = null;
    }

    private static void Settle(ModelSource source, Claim claim, long upTo, string result, string? runId)
    {
        foreach (var delivery in source.Deliveries.Where(d => Covers(claim, d.Ask) && d.Ask <= upTo && (runId is not null || d.Result != "run")))
            (delivery.Result, delivery.RunId) = (result, runId);
        foreach (var request in source.Requests.Where(r => Covers(claim, r.Ask) && r.Ask <= upTo))
            request.RunId = runId ?? request.RunId;
    }

    private void Record(ModelSource source, Run? run, OutboxMessage? message)
    {
        source.LastCheckedAt = Now;
        if (run is not null)
            source.Runs.Add(run);
        if (message is not null && _rules.OutboxIsInTheTransaction)
            Outbox.TryAdd(message.Id, new ModelMessage { Message = message, NextAttemptAt = Now + policy.RelayAfter });
    }

    private void HoldBack(ModelSource source, TimeSpan? by)
    {
        source.NotBefore = Now + by;
        source.NotBeforeSetAt = by is null ? null : Now;
    }
}
