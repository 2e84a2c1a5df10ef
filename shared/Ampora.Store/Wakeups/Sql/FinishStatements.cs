using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>What finishes and failures write: the guarded wake-up row first, the stream's sequence and what is numbered by it last.</summary>
internal static class FinishStatements
{
    private const string NoFailure = "failures = 0, failure_run_id = NULL, error_code = NULL, error_detail = NULL, error_remedy = NULL, slow_until = NULL";

    /// <summary>Ends a check that succeeded, if it still is the one that counts.</summary>
    public static Statement Finish { get; } = new($"""
        UPDATE wakeups
        SET done = @covered, fence = fence + 1, lease_owner = NULL, lease_until = NULL, asked_at = asked_since_claim_at,
            not_before = CASE WHEN @is_quiet THEN @now + @quiet END,
            not_before_set_at = CASE WHEN @is_quiet THEN @now END,
            retry_after_until = NULL,
            tip_sha = @sha,
            tip_config = CASE WHEN @moved THEN config ELSE tip_config END,
            tip_seen_at = CASE WHEN @transition THEN @now ELSE tip_seen_at END,
            tip_ref = @tip_ref, moved_to = @moved_to,
            skipped_sha = CASE WHEN @skip THEN @sha ELSE skipped_sha END,
            skipped_previous_sha = CASE WHEN @skip THEN tip_sha ELSE skipped_previous_sha END,
            skipped_at = CASE WHEN @skip THEN @now ELSE skipped_at END,
            skipped_total = CASE WHEN @skip THEN skipped_total + 1 ELSE skipped_total END,
            last_checked_at = @now, last_succeeded_at = @now, run_count = run_count + @runs,
            {NoFailure},
            -- A webhook that came after the claim is still awaited.
            expected_sha = CASE WHEN wanted_webhook > @covered THEN expected_sha END,
            expected_until = CASE WHEN wanted_webhook > @covered THEN expected_until END,
            reread_covers = NULL, reread_at = NULL,
            webhook_proved_at = CASE WHEN @proved THEN @now ELSE webhook_proved_at END,
            missed_in_row = CASE WHEN @proved THEN 0 ELSE missed_in_row END,
            poll_interval_seconds = CASE
                WHEN NOT @proved OR NOT adaptive OR poll_interval_seconds >= @longest_interval THEN poll_interval_seconds
                WHEN 2 * poll_interval_seconds > @longest_interval THEN @longest_interval
                ELSE 2 * poll_interval_seconds END
        WHERE {Conditions.HeldByClaim} AND done < @covered
        RETURNING wanted > done
        """);

    /// <summary>Ends a check after which the tip is to be read again, under the same guard.</summary>
    public static Statement Postpone { get; } = new(postgres: Postponing("greatest", "least"), sqlite: Postponing("max", "min"));

    /// <summary>Ends a check that failed, under the same guard; what was asked stays asked.</summary>
    public static Statement Fail { get; } = new($"""
        UPDATE wakeups
        SET fence = fence + 1, lease_owner = NULL, lease_until = NULL,
            not_before = @now + @back_off, not_before_set_at = @now,
            retry_after_until = CASE WHEN @has_retry_after THEN @now + @retry_after END,
            last_checked_at = @now, run_count = run_count + @runs,
            failures = failures + 1, failure_run_id = coalesce(@run_id, failure_run_id),
            error_code = @error_code, error_detail = @error_detail, error_remedy = @error_remedy
        WHERE {Conditions.HeldByClaim} AND done < @covered
        RETURNING wanted > @covered, failure_run_id
        """);

    /// <summary>The tree, once for (source, config, SHA); it is there already when it is used again.</summary>
    public static Statement AddSweep { get; } = new("""
        INSERT INTO sweeps (source_id, config, sha, author, subject, committed_at, parents, swept_at)
        VALUES (@id, @config, @sha, @author, @subject, @committed_at, @parents, @now)
        ON CONFLICT DO NOTHING
        """);

    /// <summary>Shows the staged tree, or the one that was kept: no row tells that it has vanished. It counts as stored now, since it becomes the latest.</summary>
    public static Statement ShowSnapshot { get; } = new("""
        UPDATE snapshots SET visible = TRUE, stored_at = @now WHERE source_id = @id AND config = @config AND sha = @sha RETURNING sha
        """);

    /// <summary>
    /// What became of the deliveries that the check covers; a failure's result gives way to the later success's. A run that a first reading made, because it was
    /// the first to succeed after failures, stays when the second finds nothing new.
    /// </summary>
    public static Statement SettleDeliveries { get; } = new("""
        UPDATE deliveries SET result = @result, run_id = @run_id
        WHERE source_id = @id AND ask > @done AND ask <= @covered AND (@makes_run OR result <> 'run')
        """);

    /// <summary>What became of the operators' requests.</summary>
    public static Statement SettleRequests { get; } = new(
        "UPDATE check_requests SET run_id = @run_id WHERE source_id = @id AND ask > @done AND ask <= @covered AND @makes_run");

    /// <summary>Keeps a commit that only a poll found, where a webhook was to be hoped for.</summary>
    public static Statement AddUnannounced { get; } = new("""
        INSERT INTO unannounced (source_id, sha, found_at, run_id)
        SELECT w.source_id, @sha, @now, @run_id FROM wakeups AS w
        WHERE w.source_id = @id AND (w.last_webhook_at IS NOT NULL OR EXISTS (
            SELECT 1 FROM webhook_secrets AS s WHERE s.source_id = @id AND (s.secret_hash IS NOT NULL OR s.secret_encrypted IS NOT NULL)))
        ON CONFLICT DO NOTHING
        """);

    /// <summary>Takes numbers in commit order: the row stays locked until then.</summary>
    public static Statement NumberEvents { get; } = new("UPDATE sequences SET value = value + @count WHERE name = 'events'");

    /// <summary>The run, under the first of the numbers just taken.</summary>
    public static Statement AddRun { get; } = new("""
        INSERT INTO runs (id, sequence, source_id, trigger, covers_poll, outcome, recovered_after_failures, ref, previous_sha, sha, forced, reused,
            commit_author, commit_subject, committed_at, changes_json, changes_truncated, added, modified, removed,
            requested_at, started_at, completed_at, queue_ms, tip_ms, fetch_ms, store_ms, error_code, error_detail, error_remedy)
        VALUES (@run_id, (SELECT value FROM sequences WHERE name = 'events') - @count + 1, @id, @trigger, @covers_poll, @outcome, @recovered_after_failures,
            @ref, @previous_sha, @sha, @forced, @reused,
            @commit_author, @commit_subject, @committed_at, @changes_json, @changes_truncated, @added, @modified, @removed,
            @requested_at, @started_at, @completed_at, @queue_ms, @tip_ms, @fetch_ms, @store_ms, @error_code, @error_detail, @error_remedy)
        """);

    /// <summary>Tells the stream of the run, under the run's number.</summary>
    public static Statement AddRunEvent { get; } = new("""
        INSERT INTO events (sequence, kind, source_id, run_id, occurred_at)
        VALUES ((SELECT value FROM sequences WHERE name = 'events') - @count + 1, 'run', @id, @run_id, @now)
        """);

    /// <summary>Tells the stream of a change of the source, under the last of the numbers just taken.</summary>
    public static Statement AddSourceEvent { get; } = new("""
        INSERT INTO events (sequence, kind, source_id, change, occurred_at)
        VALUES ((SELECT value FROM sequences WHERE name = 'events'), 'source', @id, @change, @now)
        """);

    // Where some requests are answered, the oldest that is left came after the claim that marked them.
    private static string Postponing(string greatest, string least) => $"""
        UPDATE wakeups
        SET done = @new_done, fence = fence + 1, lease_owner = NULL, lease_until = NULL,
            asked_at = CASE WHEN @new_done > done THEN coalesce(reread_at - @reread_every, asked_at) ELSE asked_at END,
            not_before = CASE WHEN wanted > @covered THEN @now + @quiet ELSE {greatest}(@now + @quiet, {least}(@now + @reread_every, @reread_at)) END,
            not_before_set_at = @now, retry_after_until = NULL, woken_at = NULL,
            last_checked_at = @now, last_succeeded_at = @now, run_count = run_count + @runs,
            {NoFailure},
            reread_covers = @reread_covers, reread_at = @reread_at
        WHERE {Conditions.HeldByClaim} AND done < @covered
        RETURNING wanted > @covered
        """;
}
