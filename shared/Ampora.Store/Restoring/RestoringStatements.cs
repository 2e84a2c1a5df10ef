using Ampora.Store.Sql;

namespace Ampora.Store.Restoring;

/// <summary>What is written when one of the two databases turns out to have been restored from a backup.</summary>
internal static class RestoringStatements
{
    /// <summary>Keeps a message that Audit has recorded, while the outbox still has it.</summary>
    public static Statement Keep { get; } = new("""
        INSERT INTO recorded_messages (id, audit_id, type, payload, created_at, recorded_at)
        SELECT id, @audit_id, type, payload, created_at, @now FROM outbox WHERE id = @message_id
        ON CONFLICT (id) DO UPDATE SET audit_id = excluded.audit_id, recorded_at = excluded.recorded_at
        """);

    /// <summary>A message that is kept already, and is recorded under another number now.</summary>
    public static Statement Renumber { get; } = new("UPDATE recorded_messages SET audit_id = @audit_id WHERE id = @message_id AND audit_id <> @audit_id");

    /// <summary>Whether another message was recorded under this number.</summary>
    public static Statement FindClash { get; } = new("SELECT count(*) FROM recorded_messages WHERE audit_id = @audit_id AND id <> @message_id");

    /// <summary>The last number that the log is known to have given, and how many messages from this one on are kept.</summary>
    public static Statement CountFrom { get; } = new("""
        SELECT coalesce((SELECT max(audit_id) FROM recorded_messages), 0), coalesce((SELECT max(audit_id) FROM runs), 0),
            (SELECT count(*) FROM recorded_messages WHERE audit_id >= @audit_id AND id <> @message_id)
        """);

    /// <summary>Owes what was recorded from this number on again.</summary>
    public static Statement SendAgain { get; } = new("""
        INSERT INTO outbox (id, type, payload, created_at, attempts, next_attempt_at)
        SELECT id, type, payload, created_at, 0, @now FROM recorded_messages WHERE audit_id >= @audit_id AND id <> @message_id
        ON CONFLICT (id) DO NOTHING
        """);

    /// <summary>None of it counts as recorded.</summary>
    public static Statement Forget { get; } = new("DELETE FROM recorded_messages WHERE audit_id >= @audit_id AND id <> @message_id");

    /// <summary>Neither do their runs.</summary>
    public static Statement ForgetRuns { get; } = new("UPDATE runs SET audit_id = NULL WHERE audit_id >= @audit_id");

    /// <summary>Which copy of the database this was the last time, and which it is now; on PostgreSQL alone.</summary>
    /// <remarks>
    /// The view is filled by the restore of a dump, not from it, so that each restore gives it another value; the timeline changes when a standby is promoted or a
    /// point in time is recovered.
    /// </remarks>
    public static Statement ReadMark { get; } = new(
        "SELECT mark, (SELECT mark FROM store_copy) || '/' || (SELECT timeline_id FROM pg_control_checkpoint()) FROM store_mark FOR UPDATE OF store_mark");

    /// <summary>Notes which copy this is.</summary>
    public static Statement SetMark { get; } = new("UPDATE store_mark SET mark = @mark");

    /// <summary>Locks the rows as asks lock them.</summary>
    public static Statement LockWakeups { get; } = new(
        postgres: "SELECT source_id FROM wakeups ORDER BY source_id FOR UPDATE",
        sqlite: "SELECT source_id FROM wakeups");

    /// <summary>Ends every claim, under fences that no claim of the lost time had, and asks each source that is not paused for a check.</summary>
    public static Statement AskAll { get; } = new("""
        UPDATE wakeups
        SET fence = fence + @ahead, lease_owner = NULL, lease_until = NULL, waiting_for_host = FALSE, secret_version = secret_version + @ahead,
            wanted = CASE WHEN paused THEN wanted ELSE wanted + 1 END,
            wanted_manual = CASE WHEN paused THEN wanted_manual ELSE wanted + 1 END,
            asked_at = CASE WHEN paused THEN asked_at ELSE coalesce(asked_at, @now) END,
            asked_since_claim_at = CASE WHEN paused THEN asked_since_claim_at ELSE coalesce(asked_since_claim_at, @now) END,
            not_before = retry_after_until, woken_at = NULL
        """);

    /// <summary>The requests, in the ledger.</summary>
    public static Statement AddRequests { get; } = new(
        postgres: Requests("replace(gen_random_uuid()::text, '-', '')"),
        sqlite: Requests("lower(hex(randomblob(16)))"));

    /// <summary>No version that somebody read in the lost time comes again for other settings.</summary>
    public static Statement RaiseVersions { get; } = new("UPDATE sources SET version = version + @ahead");

    /// <summary>No number of an event that somebody read in the lost time comes again for another.</summary>
    public static Statement RaiseEvents { get; } = new("UPDATE sequences SET value = value + @ahead WHERE name = 'events'");

    private static string Requests(string id) => $"""
        INSERT INTO check_requests (id, source_id, actor, requested_at, ask)
        SELECT 'req_' || {id}, source_id, 'system', @now, wanted FROM wakeups WHERE NOT paused
        """;
}
