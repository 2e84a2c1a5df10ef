using System.Text.Json;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>Finishes and failures: the guard decides first, what belongs to it follows in the same transaction.</summary>
internal sealed partial class SqlWakeupStore
{
    public async Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken)
    {
        try
        {
            return await WriteAsync((session, token) => FinishInTransactionAsync(session, claim, finished, token), cancellationToken);
        }
        catch (SnapshotVanishedException)
        {
            return new FinishResult(Committed: false, MoreWanted: false, SnapshotVanished: true);
        }
    }

    public Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken) =>
        WriteAsync(
            async (session, token) =>
            {
                var more = await session.ReadAsync(FinishStatements.Postpone, PostponeParameters(claim, postponed), row => row.Bool(0), token);
                if (more.Count == 0)
                    return default;

                var commands = new List<Command>();
                if (postponed.Run is { } run)
                    Settle(commands, claim, claim.Covered, "run", run.Summary.RunId);
                else if (postponed.Done > claim.Done)
                    Settle(commands, claim, postponed.Done, "unchanged", null);
                AddRun(commands, claim, postponed.Run, postponed.Message, claim.Failures > 0 ? "health" : null);
                await session.RunAsync(commands, token);
                return new FinishResult(true, more[0]);
            },
            cancellationToken);

    public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken) =>
        WriteAsync(
            async (session, token) =>
            {
                var kept = await session.ReadAsync(
                    FinishStatements.Fail, FailParameters(claim, failed), row => (More: row.Bool(0), FailureRunId: row.StringOrNull(1)), token);
                if (kept.Count == 0)
                    return default;

                var commands = new List<Command>();
                Settle(commands, claim, claim.Covered, "failed", kept[0].FailureRunId);
                AddRun(commands, claim, failed.Run, failed.Message, claim.Failures == 0 ? "health" : null);
                await session.RunAsync(commands, token);
                return new FinishResult(true, kept[0].More);
            },
            cancellationToken);

    private async Task<FinishResult> FinishInTransactionAsync(StoreSession session, Claim claim, FinishedCheck finished, CancellationToken cancellationToken)
    {
        var more = await session.ReadAsync(FinishStatements.Finish, FinishParameters(claim, finished), row => row.Bool(0), cancellationToken);
        if (more.Count == 0)
            return default;

        var commands = new List<Command>();
        var shown = finished.Moved is null;
        if (finished.Moved is { } moved)
            AddTree(commands, claim, moved, () => shown = true);
        Settle(commands, claim, claim.Covered, finished.Run is null ? "unchanged" : "run", finished.Run?.Summary.RunId);
        if (claim.Trigger == "poll" && finished.IsTransition(claim))
            commands.Add(new(FinishStatements.AddUnannounced, [("id", claim.SourceId), ("sha", finished.TipSha), ("run_id", finished.Run?.Summary.RunId)]));
        AddRun(commands, claim, finished.Run, finished.Message, claim.Failures > 0 ? "health" : finished.IsSkip(claim) ? "skipped" : null);
        await session.RunAsync(commands, cancellationToken);
        return shown ? new FinishResult(true, more[0]) : throw new SnapshotVanishedException();
    }

    private (string Name, object? Value)[] FinishParameters(Claim claim, FinishedCheck finished) =>
    [
        .. Conditions.Of(claim),
        ("covered", claim.Covered),
        ("is_quiet", finished.Quiet),
        ("quiet", policy.QuietPeriod),
        ("sha", finished.TipSha),
        ("moved", finished.Moved is not null),
        ("transition", finished.IsTransition(claim)),
        ("skip", finished.IsSkip(claim)),
        ("tip_ref", finished.RefName),
        ("moved_to", finished.MovedTo),
        ("proved", finished.IsTransition(claim) && claim.Trigger == "webhook"),
        ("longest_interval", (int)policy.MaxAdaptiveInterval.TotalSeconds),
        ("runs", finished.Run is null ? 0L : 1L),
    ];

    private (string Name, object? Value)[] PostponeParameters(Claim claim, PostponedCheck postponed) =>
    [
        .. Conditions.Of(claim),
        ("covered", claim.Covered),
        ("new_done", postponed.Done),
        ("quiet", policy.QuietPeriod),
        ("reread_every", policy.RereadEvery),
        ("reread_covers", postponed.RereadCovers),
        ("reread_at", postponed.RereadAt),
        ("runs", postponed.Run is null ? 0L : 1L),
    ];

    private static (string Name, object? Value)[] FailParameters(Claim claim, FailedCheck failed) =>
    [
        .. Conditions.Of(claim),
        ("covered", claim.Covered),
        ("back_off", failed.BackOff),
        ("has_retry_after", failed.RetryAfter is not null),
        ("retry_after", failed.RetryAfter ?? TimeSpan.Zero),
        ("runs", failed.Run is null ? 0L : 1L),
        ("run_id", failed.Run?.Summary.RunId),
        ("error_code", failed.Error.Code),
        ("error_detail", failed.Error.Detail),
        ("error_remedy", failed.Error.Remedy),
    ];

    private static void AddTree(List<Command> commands, Claim claim, CheckResult.Moved moved, Action shown)
    {
        (string Name, object? Value)[] parameters =
        [
            ("id", claim.SourceId),
            ("config", claim.Config),
            ("sha", moved.Sha),
            ("author", moved.Commit.Author),
            ("subject", moved.Commit.Subject),
            ("committed_at", moved.Commit.CommittedAt),
            ("parents", string.Join(' ', moved.Parents)),
        ];
        commands.Add(new(FinishStatements.AddSweep, parameters));
        commands.Add(new(FinishStatements.ShowSnapshot, parameters, _ => shown()));
    }

    private static void Settle(List<Command> commands, Claim claim, long upTo, string result, string? runId)
    {
        (string Name, object? Value)[] parameters =
        [
            ("id", claim.SourceId),
            ("done", claim.Done),
            ("covered", upTo),
            ("result", result),
            ("run_id", runId),
            ("makes_run", result != "unchanged"),
        ];
        commands.Add(new(FinishStatements.SettleDeliveries, parameters));
        commands.Add(new(FinishStatements.SettleRequests, parameters));
    }

    private void AddRun(List<Command> commands, Claim claim, Run? run, OutboxMessage? message, string? change)
    {
        if (message is not null)
            commands.Add(new(OutboxStatements.Add, OutboxParameters(message, policy)));
        var count = (run is null ? 0L : 1L) + (change is null ? 0L : 1L);
        if (count == 0)
            return;

        // From here on the stream's lock is held: nothing but the commit follows.
        (string Name, object? Value)[] stream = [("id", claim.SourceId), ("count", count), ("run_id", run?.Summary.RunId), ("change", change)];
        commands.Add(new(FinishStatements.NumberEvents, stream));
        if (run is not null)
        {
            commands.Add(new(FinishStatements.AddRun, [.. stream, .. RunParameters(run)]));
            commands.Add(new(FinishStatements.AddRunEvent, stream));
        }

        if (change is not null)
            commands.Add(new(FinishStatements.AddSourceEvent, stream));
    }

    private static (string Name, object? Value)[] RunParameters(Run run)
    {
        var summary = run.Summary;
        return
        [
            ("trigger", summary.Trigger),
            ("covers_poll", summary.TriggeredBy.Any(t => t.Kind == "poll")),
            ("outcome", summary.Outcome),
            ("recovered_after_failures", summary.RecoveredAfterFailures),
            ("ref", summary.Ref),
            ("previous_sha", summary.PreviousSha),
            ("sha", summary.Sha),
            ("forced", summary.Forced),
            ("reused", summary.Reused),
            ("commit_author", summary.Commit?.Author),
            ("commit_subject", summary.Commit?.Subject),
            ("committed_at", summary.Commit?.CommittedAt),
            ("changes_json", JsonSerializer.Serialize(run.Changes, JsonSerializerOptions.Web)),
            ("changes_truncated", run.ChangesTruncated),
            ("added", summary.Counts.Added),
            ("modified", summary.Counts.Modified),
            ("removed", summary.Counts.Removed),
            ("requested_at", summary.RequestedAt),
            ("started_at", summary.StartedAt),
            ("completed_at", summary.CompletedAt),
            ("queue_ms", run.QueueTime.TotalMilliseconds),
            ("tip_ms", run.TipTime.TotalMilliseconds),
            ("fetch_ms", run.FetchTime.TotalMilliseconds),
            ("store_ms", run.StoreTime.TotalMilliseconds),
            ("error_code", summary.Error?.Code),
            ("error_detail", summary.Error?.Detail),
            ("error_remedy", summary.Error?.Remedy),
        ];
    }

    /// <summary>The tree that was to be shown is not there, so nothing of the finish may stand.</summary>
    private sealed class SnapshotVanishedException : Exception;
}
