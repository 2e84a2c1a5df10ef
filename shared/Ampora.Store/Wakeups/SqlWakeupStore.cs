using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>The seam in SQL, on PostgreSQL and SQLite. Safe for concurrent use.</summary>
/// <param name="database">The database.</param>
/// <param name="policy">Times and limits.</param>
public sealed class SqlWakeupStore(Database<StoreContext> database, WakeupPolicy policy) : IWakeupStore
{
    private readonly WakeupSql _sql = WakeupSql.Of(database.Dialect);

    /// <inheritdoc/>
    public TimeProvider Time => database.Time;

    /// <inheritdoc/>
#pragma warning disable CA5394 // Jitter spreads load; nothing depends on nobody guessing it.
    public double NextJitter() => Random.Shared.NextDouble();
#pragma warning restore CA5394

    /// <inheritdoc/>
    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) =>
        database.WriteAsync((context, token) => Asks.CommitAsync(context, asks, policy, token), cancellationToken);

    /// <inheritdoc/>
    public Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async (context, token) =>
            {
                if (database.Dialect == DatabaseDialect.Postgres)
                    await Statement.QueryAsync(context, WakeupSql.LockHost, _ => true, token, new[] { ("id", (object?)sourceId) });
                var claimed = await Statement.QueryAsync(
                    context,
                    _sql.Claim,
                    row => ReadClaim(row, sourceId, owner),
                    token,
                    Guards(("id", sourceId), ("owner", owner), ("lease", policy.Lease), ("per_host", policy.ChecksPerHost)));
                if (claimed.Count == 0)
                    return await WhyNotAsync(context, sourceId, token);
                var claim = (await Statement.QueryAsync(
                    context,
                    WakeupSql.ReadSource,
                    row => claimed[0] with { SourceUid = row.Guid("uid"), Url = row.Text("url"), Ref = row.Text("ref") },
                    token,
                    new[] { ("id", (object?)sourceId) })).Single();
                return new ClaimResult(claim, null);
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async (context, token) => await Statement.ExecuteAsync(context, _sql.Renew, token, Hold(claim, ("lease", policy.Lease))) > 0, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken) =>
        database.WriteAsync(async (context, token) => await Statement.ExecuteAsync(context, WakeupSql.Release, token, Hold(claim)) > 0, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var asked = await Statement.QueryAsync(
            context,
            WakeupSql.ReadTriggers,
            row => row.Text("kind") == "webhook"
                ? new RunTrigger("webhook", row.Text("id"), null, row.TextOrNull("actor"))
                : new RunTrigger("manual", null, row.Text("id"), row.TextOrNull("actor")),
            cancellationToken,
            new[] { ("id", (object?)claim.SourceId), ("done", claim.Done), ("covered", claim.Covered), ("limit", limit) });
        return asked.Count > 0 ? asked : [new RunTrigger("poll", null, null, null)];
    }

    /// <inheritdoc/>
    public Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async (context, token) =>
            {
                var moved = finished.Moved;
                var more = await Statement.QueryAsync(
                    context,
                    _sql.Finish,
                    row => row.Flag("more"),
                    token,
                    Hold(
                        claim,
                        ("covered", claim.Covered),
                        ("config", claim.Config),
                        ("moved", moved is not null),
                        ("tip", finished.TipSha),
                        ("quiet", finished.Quiet),
                        ("pause", policy.QuietPeriod),
                        ("runs", finished.Run is null ? 0L : 1L)));
                if (more.Count == 0)
                    return default;
                if (moved is not null)
                    await ShowAsync(context, claim, moved, token);
                await SettleAsync(context, claim, finished.Run is null ? "unchanged" : "run", finished.Run?.Summary.RunId, token);
                await RecordAsync(context, claim, finished.Run, finished.Message, healthChanged: claim.Failures > 0, token);
                return new FinishResult(true, more[0]);
            },
            cancellationToken);

    /// <inheritdoc/>
    public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async (context, token) =>
            {
                var failing = await Statement.QueryAsync(
                    context,
                    _sql.Fail,
                    row => row.TextOrNull("failure_run_id"),
                    token,
                    Hold(
                        claim,
                        ("covered", claim.Covered),
                        ("run", failed.Run?.Summary.RunId),
                        ("code", failed.Error.Code),
                        ("detail", failed.Error.Detail),
                        ("remedy", failed.Error.Remedy),
                        ("retry_after", failed.RetryAfter),
                        ("back_off", failed.BackOff),
                        ("runs", failed.Run is null ? 0L : 1L)));
                if (failing.Count == 0)
                    return default;
                await SettleAsync(context, claim, "failed", failing[0], token);
                await RecordAsync(context, claim, failed.Run, failed.Message, healthChanged: claim.Failures == 0, token);
                return new FinishResult(true, true);
            },
            cancellationToken);

    /// <inheritdoc/>
    public async Task<string?> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken) =>
        (await TakeAsync(WakeupSql.AnyWaitingForHost, _sql.TakeWaitingForHost, ("host", host), cancellationToken)).FirstOrDefault();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken) =>
        await TakeAsync(_sql.AnyUnfinished, _sql.TakeUnfinished, ("limit", limit), cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken)
    {
        var guards = Guards(("slack_seconds", policy.ClockSlack.TotalSeconds), ("jitter", policy.PollJitter));
        if (!await AnyAsync(_sql.AnyPollWork, guards, cancellationToken))
            return [];
        return await database.WriteAsync(
            async (context, token) =>
            {
                var tokens = (await Statement.QueryAsync(
                    context, _sql.LockBudget, row => Refill(row.Double("tokens"), row.Double("elapsed"), row.Double("rate")), token)).Single();
                await Statement.ExecuteAsync(context, _sql.MoveWantedPolls, token, With(guards, ("limit", limit)));
                var affordable = Math.Min(limit, (int)tokens);
                List<string> taken = [];
                if (affordable > 0)
                    taken = await Statement.QueryAsync(context, _sql.TakeUnfinishedPolls, row => row.Text("source_id"), token, With(guards, ("limit", affordable)));
                if (affordable > taken.Count)
                {
                    taken.AddRange(await Statement.QueryAsync(
                        context, _sql.TakeDuePolls, row => row.Text("source_id"), token, With(guards, ("limit", affordable - taken.Count))));
                }

                await Statement.ExecuteAsync(context, _sql.SpendBudget, token, new[] { ("tokens", (object?)(tokens - taken.Count)) });
                return taken;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken)
    {
        var t = DialectTerms.Of(database.Dialect);
        var due = $"(o.next_attempt_at <= {t.Now} OR o.next_attempt_at > {t.Now} + @furthest)";
        (string, object?)[] parameters = [("furthest", policy.MaxRelayDelay + policy.ClockSlack)];
        if (!await AnyAsync($"SELECT 1 FROM outbox AS o WHERE {due} LIMIT 1", parameters, cancellationToken))
            return [];
        // Five seconds, then ten, twenty, …: after a long outage the outbox must not flood the broker that has just come back.
        var delay = $"{t.Least}(@longest, @first * (1 << {t.Least}(attempts + 1, 10)))";
        return await database.WriteAsync(
            async (context, token) => await Statement.QueryAsync(
                context,
                $"""
                UPDATE outbox SET attempts = attempts + 1, next_attempt_at = {t.After(delay)} WHERE id IN (
                    SELECT o.id FROM outbox AS o WHERE {due} ORDER BY o.next_attempt_at LIMIT @limit {t.SkipLocked})
                RETURNING id, type, payload
                """,
                OutboxMessages.Read,
                token,
                With(parameters, ("limit", limit), ("first", policy.RelayAfter.TotalSeconds), ("longest", policy.MaxRelayDelay.TotalSeconds))),
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async (context, token) =>
            {
                await Statement.ExecuteAsync(context, "DELETE FROM outbox WHERE id = @id", token, new[] { ("id", (object?)committed.RecordedMessageId) });
                if (committed.RunId is not null)
                {
                    await Statement.ExecuteAsync(
                        context, "UPDATE runs SET audit_id = @audit WHERE id = @run", token, new[] { ("audit", (object?)committed.AuditId), ("run", committed.RunId) });
                }
            },
            cancellationToken);

    private static (string, object?)[] Hold(Claim claim, params ReadOnlySpan<(string, object?)> more) =>
        [("id", claim.SourceId), ("owner", claim.Owner), ("fence", claim.Fence), .. more];

    private static (string, object?)[] With((string, object?)[] parameters, params ReadOnlySpan<(string, object?)> more) => [.. parameters, .. more];

    private static Claim ReadClaim(Statement.Row row, string sourceId, string owner) => new()
    {
        SourceId = sourceId,
        SourceUid = default,
        Owner = owner,
        Fence = row.Number("fence"),
        Covered = row.Number("wanted"),
        Done = row.Number("done"),
        CoversWebhook = row.Number("wanted_webhook") > row.Number("done"),
        CoversManual = row.Number("wanted_manual") > row.Number("done"),
        HasRun = row.Number("run_count") > 0,
        AskedAt = row.TimeOrNull("asked_at") ?? row.Time("claimed_at"),
        ClaimedAt = row.Time("claimed_at"),
        Config = row.Number("config"),
        Host = row.Text("host"),
        Url = "",
        Ref = "",
        TipSha = row.TextOrNull("tip_sha"),
        Failures = row.Int("failures"),
    };

    private (string, object?)[] Guards(params ReadOnlySpan<(string, object?)> more) =>
        [("lease_max", policy.Lease + policy.ClockSlack), ("slack", policy.ClockSlack), ("recent", policy.RecentWakeup), .. more];

    private double Refill(double tokens, double elapsedSeconds, double sourcesPerSecond)
    {
        var rate = sourcesPerSecond * policy.PollRateFactor;
        return Math.Min(Math.Max(1, rate * policy.PollBurst.TotalSeconds), tokens + (rate * Math.Max(0, elapsedSeconds)));
    }

    private async Task<ClaimResult> WhyNotAsync(StoreContext context, string sourceId, CancellationToken cancellationToken)
    {
        var reasons = await Statement.QueryAsync(
            context,
            _sql.WhyNotClaimed,
            row => (Wants: row.Flag("wants"), Wait: row.Flag("held") ? row.Time("not_before") - row.Time("asked_now") : (TimeSpan?)null),
            cancellationToken,
            Guards(("id", sourceId)));
        if (reasons.Count == 0 || !reasons[0].Wants)
            return ClaimResult.None;
        if (reasons[0].Wait is { } wait)
            return wait <= policy.RecentWakeup ? new ClaimResult(null, wait) : ClaimResult.None;
        await Statement.ExecuteAsync(context, WakeupSql.WaitForHost, cancellationToken, new[] { ("id", (object?)sourceId) });
        return ClaimResult.None;
    }

    private async Task ShowAsync(StoreContext context, Claim claim, CheckResult.Moved moved, CancellationToken cancellationToken)
    {
        (string, object?)[] key = [("id", claim.SourceId), ("config", claim.Config), ("sha", moved.Sha)];
        await Statement.ExecuteAsync(
            context,
            _sql.AddSweep,
            cancellationToken,
            With(
                key,
                ("author", moved.Commit.Author),
                ("subject", moved.Commit.Subject),
                ("committed", moved.Commit.CommittedAt.ToUniversalTime()),
                ("parents", string.Join(' ', moved.Parents))));
        await Statement.ExecuteAsync(context, WakeupSql.ShowSnapshot, cancellationToken, key);
    }

    private static async Task SettleAsync(StoreContext context, Claim claim, string result, string? runId, CancellationToken cancellationToken)
    {
        (string, object?)[] covered = [("id", claim.SourceId), ("done", claim.Done), ("covered", claim.Covered), ("run", runId)];
        if (claim.CoversWebhook)
            await Statement.ExecuteAsync(context, WakeupSql.SettleDeliveries, cancellationToken, With(covered, ("result", result)));
        if (claim.CoversManual)
            await Statement.ExecuteAsync(context, WakeupSql.SettleRequests, cancellationToken, covered);
    }

    // The stream's lock is taken last, so that it is held for as short as can be.
    private async Task RecordAsync(
        StoreContext context, Claim claim, Run? run, OutboxMessage? message, bool healthChanged, CancellationToken cancellationToken)
    {
        if (message is not null)
            await OutboxMessages.AddAsync(context, message, policy.RelayAfter, cancellationToken);
        if (run is null)
            return;
        var last = await StoreJournal.NextSequenceAsync(context, "events", healthChanged ? 2 : 1, cancellationToken);
        if (healthChanged)
            await StoreJournal.AddEventAsync(context, last--, "source", claim.SourceId, runId: null, "health", cancellationToken);
        context.Runs.Add(RunRows.From(run, last));
        await context.SaveChangesAsync(cancellationToken);
        await StoreJournal.AddEventAsync(context, last, "run", claim.SourceId, run.Summary.RunId, change: null, cancellationToken);
    }

    private async Task<bool> AnyAsync(string sql, (string, object?)[] parameters, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return (await Statement.QueryAsync(context, sql, _ => true, cancellationToken, parameters)).Count > 0;
    }

    // A look before each write: most ticks find nothing, and SQLite's one writer is not to be disturbed for that.
    private async Task<List<string>> TakeAsync(string any, string take, (string, object?) parameter, CancellationToken cancellationToken)
    {
        var guards = Guards(parameter);
        return await AnyAsync(any, guards, cancellationToken)
            ? await database.WriteAsync((context, token) => Statement.QueryAsync(context, take, row => row.Text("source_id"), token, guards), cancellationToken)
            : [];
    }
}
