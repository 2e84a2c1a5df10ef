using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>What the Console does to wake-up rows. Raising the fence refuses whatever a check in flight would still write.</summary>
internal static class SourceStatements
{
    private const string EndLease = "fence = fence + 1, lease_owner = NULL, lease_until = NULL, waiting_for_host = FALSE";

    // What a webhook announced for other settings, or before a pause, says nothing about the next tip.
    private const string ExpectNothing = "expected_sha = NULL, expected_until = NULL, reread_covers = NULL, reread_at = NULL";

    /// <summary>The row of a new source; its first poll falls anywhere within the interval, so that sources created together drift apart.</summary>
    public static Statement Create { get; } = new(
        postgres: $"{Insert} @now + make_interval(secs => @seconds * @random))",
        sqlite: $"{Insert} @now + CAST(@seconds * 1000000 * @random AS INTEGER))");

    /// <summary>Other settings to fetch by: nothing that was found for the old ones may finish, and no back-off of theirs counts.</summary>
    public static Statement ChangeSettings { get; } = new($"""
        UPDATE wakeups
        SET {EndLease}, config = config + 1, host = @host, remote = @remote, tip_ref = NULL, moved_to = NULL,
            not_before = NULL, not_before_set_at = NULL, retry_after_until = NULL, slow_until = NULL,
            {ExpectNothing}
        WHERE source_id = @id
        """);

    /// <summary>Another interval; the next poll is due within it.</summary>
    public static Statement ChangePollInterval { get; } = new(
        postgres: """
            UPDATE wakeups
            SET poll_interval_seconds = @seconds, base_poll_interval_seconds = @seconds, adaptive = @adaptive,
                next_poll_at = least(next_poll_at, @now + make_interval(secs => @seconds * @random))
            WHERE source_id = @id
            """,
        sqlite: """
            UPDATE wakeups
            SET poll_interval_seconds = @seconds, base_poll_interval_seconds = @seconds, adaptive = @adaptive,
                next_poll_at = min(next_poll_at, @now + CAST(@seconds * 1000000 * @random AS INTEGER))
            WHERE source_id = @id
            """);

    /// <summary>No more checks.</summary>
    public static Statement Pause { get; } = new($"UPDATE wakeups SET {EndLease}, {ExpectNothing}, paused = TRUE WHERE source_id = @id");

    /// <summary>Checks again.</summary>
    public static Statement Resume { get; } = new("UPDATE wakeups SET paused = FALSE WHERE source_id = @id");

    /// <summary>Whatever was verified against the old secrets is stale.</summary>
    public static Statement ChangeSecrets { get; } = new("UPDATE wakeups SET secret_version = secret_version + 1 WHERE source_id = @id");

    /// <summary>Nothing verifies webhooks any more: what polls find from now on is not missed, and nothing proves that they may be rare.</summary>
    public static Statement ExpectNoWebhooks { get; } = new(
        "UPDATE wakeups SET last_webhook_at = NULL, webhook_proved_at = NULL, missed_in_row = 0 WHERE source_id = @id");

    /// <summary>The same of what polls have found already.</summary>
    public static Statement ForgetUnannounced { get; } = new("DELETE FROM unannounced WHERE source_id = @id");

    /// <summary>What was verified against an organisation's old secret is stale, for every source under its prefix.</summary>
    public static Statement ChangeSecretsUnder { get; } = new(
        postgres: $"""
            WITH locked AS MATERIALIZED (SELECT w.source_id AS id FROM wakeups AS w JOIN ({Under}) AS s ON s.id = w.source_id ORDER BY w.source_id FOR UPDATE OF w)
            UPDATE wakeups SET secret_version = secret_version + 1 FROM locked WHERE source_id = locked.id
            """,
        sqlite: $"UPDATE wakeups SET secret_version = secret_version + 1 WHERE source_id IN ({Under})");

    /// <summary>The database's clock.</summary>
    public static Statement Now { get; } = new("SELECT @now");

    // An organisation's prefix may name a Bitbucket Server, whose sources have a key of their own.
    private const string Under = """
        SELECT id FROM sources
        WHERE repository_key = @root OR repository_key LIKE @under ESCAPE '\' OR bitbucket_server_key = @root OR bitbucket_server_key LIKE @under ESCAPE '\'
        """;

    private const string Insert = """
        INSERT INTO wakeups (source_id, wanted, done, wanted_webhook, wanted_manual, fence, config, secret_version, paused, host, remote,
            waiting_for_host, poll_interval_seconds, base_poll_interval_seconds, adaptive, failures, run_count, missed_in_row, missed_total,
            skipped_total, next_poll_at)
        VALUES (@id, 0, 0, 0, 0, 0, 1, 1, @paused, @host, @remote, FALSE, @seconds, @seconds, @adaptive, 0, 0, 0, 0, 0,
        """;
}
