using Ampora.Store.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>
/// What the Console does to wake-up rows, in the transaction that changes the source. Each call works on the context's connection and
/// current transaction, inside <c>Database.WriteAsync</c>. Callers touch the wake-up row first and sequences last, as the sweepers do.
/// </summary>
public static class SourceWakeups
{
    // Pausing, changing and deleting end the lease under a new fence: a check in flight can neither finish nor renew.
    private const string EndLease = "fence = fence + 1, lease_owner = NULL, lease_until = NULL, waiting_for_host = FALSE";

    private static readonly WakeupPolicy Policy = new();

    /// <summary>Makes the row of a new source and asks for its first check (as a manual request).</summary>
    public static async Task CreateAsync(StoreContext context, NewWakeup wakeup, string requestId, string actor, CancellationToken cancellationToken)
    {
        var t = DialectTerms.Of(context);
        // Fences start at the time of creation: a claim on an earlier source of the same name can never match one on this.
        var fence = (await NowAsync(context, cancellationToken)).ToUnixTimeMilliseconds();
        await Statement.ExecuteAsync(
            context,
            $"""
            INSERT INTO wakeups (source_id, wanted, done, wanted_webhook, wanted_manual, fence, config, secret_version, paused, host, waiting_for_host,
                poll_interval_seconds, next_poll_at, failures, run_count)
            VALUES (@id, 0, 0, 0, 0, @fence, 1, 1, @paused, @host, FALSE, @seconds, {t.After($"@seconds * {t.Random}")}, 0, 0)
            """,
            cancellationToken,
            new[] { ("id", (object?)wakeup.SourceId), ("fence", fence), ("paused", wakeup.Paused), ("host", wakeup.Host), ("seconds", wakeup.PollIntervalSeconds) });
        if (!wakeup.Paused)
            await AskAsync(context, wakeup.SourceId, requestId, actor, cancellationToken);
    }

    /// <summary>
    /// Notes that URL, ref, credential or globs changed: raises fence and config, ends the lease, clears back-off and failures' waiting, and asks for a check.
    /// </summary>
    public static async Task ChangeSettingsAsync(
        StoreContext context, string sourceId, string host, string requestId, string actor, CancellationToken cancellationToken)
    {
        await Statement.ExecuteAsync(
            context,
            $"""
            UPDATE wakeups SET {EndLease}, config = config + 1, host = @host, not_before = NULL, not_before_set_at = NULL, retry_after_until = NULL
            WHERE source_id = @id
            """,
            cancellationToken,
            new[] { ("id", (object?)sourceId), ("host", host) });
        await AskAsync(context, sourceId, requestId, actor, cancellationToken);
    }

    /// <summary>Notes another poll interval; the next poll is due within the new one.</summary>
    public static Task ChangePollIntervalAsync(StoreContext context, string sourceId, int seconds, CancellationToken cancellationToken)
    {
        var t = DialectTerms.Of(context);
        return Statement.ExecuteAsync(
            context,
            $"UPDATE wakeups SET poll_interval_seconds = @seconds, next_poll_at = {t.After($"@seconds * {t.Random}")} WHERE source_id = @id",
            cancellationToken,
            new[] { ("id", (object?)sourceId), ("seconds", seconds) });
    }

    /// <summary>Pauses: raises the fence, so that a check in flight cannot finish.</summary>
    public static Task PauseAsync(StoreContext context, string sourceId, CancellationToken cancellationToken) =>
        Statement.ExecuteAsync(
            context, $"UPDATE wakeups SET {EndLease}, paused = TRUE WHERE source_id = @id", cancellationToken, new[] { ("id", (object?)sourceId) });

    /// <summary>Resumes, and asks for a check.</summary>
    public static async Task ResumeAsync(StoreContext context, string sourceId, string requestId, string actor, CancellationToken cancellationToken)
    {
        await Statement.ExecuteAsync(
            context, "UPDATE wakeups SET paused = FALSE WHERE source_id = @id", cancellationToken, new[] { ("id", (object?)sourceId) });
        await AskAsync(context, sourceId, requestId, actor, cancellationToken);
    }

    /// <summary>
    /// Asks for a check, as <see cref="IWakeupStore.AskAsync"/> does for a manual request, but in the current transaction, so that the audit entry is
    /// committed with it.
    /// </summary>
    public static async Task<AskOutcome> AskAsync(
        StoreContext context, string sourceId, string requestId, string actor, CancellationToken cancellationToken) =>
        (await Asks.CommitAsync(context, [new ManualAsk(sourceId, requestId, actor)], Policy, cancellationToken))[0];

    /// <summary>Raises the version of the webhook's secrets; from the commit on no delivery verified against the old ones is accepted.</summary>
    public static Task ChangeSecretsAsync(StoreContext context, string sourceId, CancellationToken cancellationToken) =>
        Statement.ExecuteAsync(
            context, "UPDATE wakeups SET secret_version = secret_version + 1 WHERE source_id = @id", cancellationToken, new[] { ("id", (object?)sourceId) });

    /// <summary>The database's clock (SQLite: the process's).</summary>
    public static async Task<DateTimeOffset> NowAsync(StoreContext context, CancellationToken cancellationToken) =>
        (await Statement.QueryAsync(context, $"SELECT {DialectTerms.Of(context).Now} AS moment", row => row.Time("moment"), cancellationToken)).Single();
}

/// <summary>What a new source's wake-up row starts with.</summary>
/// <param name="SourceId">The slug.</param>
/// <param name="Host">The Git host's authority, lower-case <c>name:port</c>.</param>
/// <param name="PollIntervalSeconds">Seconds between polls.</param>
/// <param name="Paused">Whether it starts paused; then no check is asked for.</param>
public sealed record NewWakeup(string SourceId, string Host, int PollIntervalSeconds, bool Paused);
