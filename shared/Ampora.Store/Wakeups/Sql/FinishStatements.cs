using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>What finishes and failures write: the guarded wake-up row first, the stream's sequence and what is numbered by it last.</summary>
internal static class FinishStatements
{
    /// <summary>Ends a check that succeeded, if it still is the one that counts.</summary>
    public static Statement Finish { get; } = new($"""
        UPDATE wakeups
        SET done = @covered, fence = fence + 1, lease_owner = NULL, lease_until = NULL, asked_at = asked_since_claim_at,
            not_before = CASE WHEN @is_quiet THEN @now + @quiet END,
            not_before_set_at = CASE WHEN @is_quiet THEN @now END,
            retry_after_until = NULL,
            tip_sha = @sha,
            tip_config = CASE WHEN @moved THEN config ELSE tip_config END,
            tip_seen_at = CASE WHEN @moved THEN @now ELSE tip_seen_at END,
            last_checked_at = @now, last_succeeded_at = @now, run_count = run_count + @runs,
            failures = 0, failure_run_id = NULL, error_code = NULL, error_detail = NULL, error_remedy = NULL
        WHERE {Conditions.HeldByClaim} AND done < @covered
        RETURNING wanted > done
        """);

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

    /// <summary>Shows the staged tree.</summary>
    public static Statement ShowSnapshot { get; } = new("UPDATE snapshots SET visible = TRUE WHERE source_id = @id AND config = @config AND sha = @sha");

    /// <summary>What became of the deliveries that the check covers; a failure's result gives way to the later success's.</summary>
    public static Statement SettleDeliveries { get; } = new(
        "UPDATE deliveries SET result = @result, run_id = @run_id WHERE source_id = @id AND ask > @done AND ask <= @covered");

    /// <summary>What became of the operators' requests.</summary>
    public static Statement SettleRequests { get; } = new(
        "UPDATE check_requests SET run_id = @run_id WHERE source_id = @id AND ask > @done AND ask <= @covered");

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
}
