using Ampora.Contracts;
using Ampora.Simulation.Model;
using Ampora.Wakeups;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>What holders of claims do with them.</summary>
internal sealed partial class OperationSource
{
    private Operation WithClaim(ModelWakeupStore model)
    {
        if (_claims.Count == 0)
            return Claim();
        // Mostly one that has not ended.
        var held = _claims.Where(c => model.Sources.Any(s => s.Id == c.SourceId && s.Fence == c.Fence)).ToList();
        var claim = held.Count == 0 || Sometimes(3) ? Any(_claims) : Any(held);
        var about = $"{claim.SourceId} fence {claim.Fence} {claim.Owner} ({claim.Done}..{claim.Covered})";
        return random.Next(20) switch
        {
            0 or 1 => Operation.Of($"renew {about}", async store => await store.RenewAsync(claim, default)),
            2 => Operation.Of($"release {about}", async store => await store.ReleaseAsync(claim, default)),
            3 => Operation.Of($"read triggers {about}", async store => (await store.ReadTriggersAsync(claim, 3, default))
                .Select(t => (t.Kind, t.DeliveryId, Request: StoreState.Named(t.RequestId)).ToString()).ToArray()),
            < 7 => Fail(claim, about),
            < 10 => Postpone(claim, about),
            _ => Finish(claim, about),
        };
    }

    private Operation Finish(Claim claim, string about)
    {
        var sha = Sometimes(3) ? claim.TipSha ?? Any(Shas) : Any(Shas);
        // Where the settings are newer than the tree, the known tip is given as one that makes no run.
        var skipped = sha == claim.TipSha ? claim.TipConfig != claim.Config : Sometimes(4);
        var staged = !Sometimes(12);
        CheckResult.Moved? moved = sha == claim.TipSha && !skipped ? null : new()
        {
            Sha = sha,
            RefName = "refs/heads/main",
            Skipped = skipped,
            Commit = new CommitSummary("A <a@test>", $"make {sha}", DateTimeOffset.UnixEpoch.AddYears(56)),
            Parents = ["p"],
            Forced = false,
            Reused = false,
            Changes = [new PathChange("file", "added")],
            ChangesTruncated = false,
            Counts = new ChangeCounts(1, 0, 0),
        };
        var run = moved is null or { Skipped: true } && claim is { HasRun: true, Failures: 0 } ? null : Run(claim, sha, null);
        var finished = new FinishedCheck
        {
            TipSha = sha,
            RefName = "refs/heads/main",
            MovedTo = Sometimes(5) ? "https://new.test/x.git" : null,
            Moved = moved,
            Run = run,
            Message = Message(claim, run),
        };
        var text = $"finish {about} at {sha}{(moved is null ? "" : skipped ? ", skipped" : ", moved")}{(run is null ? "" : ", a run")}";
        return Operation.Of(text, async store => await store.FinishAsync(claim, finished, default)) with
        {
            Before = moved is null || !staged ? null : Stage(claim, sha),
        };
    }

    private static Operation Stage(Claim claim, string sha) => new(
        $"stage {claim.SourceId} {sha} of config {claim.Config}",
        async under =>
        {
            await under.StageAsync(claim, sha);
            return null;
        },
        model =>
        {
            model.Stage(claim, sha);
            return Task.FromResult<object?>(null);
        });

    private Operation Fail(Claim claim, string about)
    {
        var error = new RunError("timeout", "no answer", "look at the host");
        var run = claim.Failures == 0 ? Run(claim, null, error) : null;
        var failed = new FailedCheck
        {
            Error = error,
            BackOff = policy.BackOff(claim.Failures + 1),
            RetryAfter = Sometimes(3) ? TimeSpan.FromSeconds(Any([1, 30, 600])) : null,
            Run = run,
            Message = Message(claim, run),
        };
        return Operation.Of($"fail {about}, retry after {failed.RetryAfter}", async store => await store.FailAsync(claim, failed, default));
    }

    private Operation Postpone(Claim claim, string about)
    {
        // As Rereading decides; which of its cases it is does not concern the store.
        var marked = claim.RereadCovers is not null && Sometimes(2);
        var run = claim.Failures > 0 ? Run(claim, claim.TipSha, null) : null;
        var postponed = new PostponedCheck
        {
            Done = !marked && claim.RereadCovers is { } answered ? Math.Clamp(answered, claim.Done, claim.Covered) : claim.Done,
            RereadCovers = marked ? claim.RereadCovers!.Value : claim.Covered,
            RereadAt = marked ? claim.RereadAt!.Value : claim.ClaimedAt + (Sometimes(2) ? policy.RereadEvery : policy.ExpectFor),
            Run = run,
            Message = Message(claim, run),
        };
        return Operation.Of(
            $"postpone {about}, done {postponed.Done}, covers {postponed.RereadCovers}, at {postponed.RereadAt:O}", async store => await store.PostponeAsync(claim, postponed, default));
    }

    private static OutboxMessage? Message(Claim claim, Run? run) => run is null ? null : new OutboxMessage(RunIds.MessageId(claim), run.Summary);

    private static Run Run(Claim claim, string? sha, RunError? error) => new()
    {
        Summary = new SyncRunCompleted
        {
            RunId = RunIds.RunId(claim),
            SourceId = claim.SourceId,
            Url = claim.Url,
            Ref = claim.Ref,
            Trigger = claim.Trigger,
            TriggeredBy = [],
            Outcome = error is null ? "succeeded" : "failed",
            RecoveredAfterFailures = error is null ? claim.Failures : 0,
            PreviousSha = claim.TipSha,
            Sha = sha,
            Changes = [new PathChange("file", "added")],
            Counts = new ChangeCounts(1, 0, 0),
            RequestedAt = claim.AskedAt,
            StartedAt = claim.ClaimedAt,
            CompletedAt = claim.ClaimedAt,
            Error = error,
        },
        Changes = [new PathChange("file", "added")],
        ChangesTruncated = false,
        QueueTime = TimeSpan.Zero,
        TipTime = TimeSpan.FromMilliseconds(5),
        FetchTime = TimeSpan.Zero,
        StoreTime = TimeSpan.Zero,
    };
}
