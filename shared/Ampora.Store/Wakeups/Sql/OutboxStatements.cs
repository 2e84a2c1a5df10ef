using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>Messages on their way.</summary>
internal static class OutboxStatements
{
    /// <summary>Adds a message; a second try of the same fact adds nothing. Its writer publishes it first, the relay later.</summary>
    public static Statement Add { get; } = new("""
        INSERT INTO outbox (id, type, payload, created_at, attempts, next_attempt_at)
        VALUES (@message_id, @type, @payload, @now, 0, @now + @relay_after)
        ON CONFLICT (id) DO NOTHING
        """);

    /// <summary>Takes messages whose acknowledgement is overdue, of the types that this release knows, and doubles their next wait.</summary>
    public static Statement Take { get; } = new(
        postgres: """
            WITH due AS MATERIALIZED (
                SELECT id AS message FROM outbox
                WHERE (next_attempt_at <= @now OR next_attempt_at > @now + @max_relay_ahead) AND type = ANY(@types)
                ORDER BY next_attempt_at LIMIT @limit FOR UPDATE SKIP LOCKED)
            UPDATE outbox
            SET attempts = attempts + 1, next_attempt_at = @now + least(@relay_after * (1 << least(attempts + 1, 10)), @max_relay)
            FROM due WHERE id = due.message
            RETURNING id, type, payload, created_at
            """,
        sqlite: """
            WITH due AS MATERIALIZED (
                SELECT id AS message FROM outbox
                WHERE (next_attempt_at <= @now OR next_attempt_at > @now + @max_relay_ahead) AND type IN (SELECT value FROM json_each(@types))
                ORDER BY next_attempt_at LIMIT @limit)
            UPDATE outbox
            SET attempts = attempts + 1, next_attempt_at = @now + min(@relay_after * (1 << min(attempts + 1, 10)), @max_relay)
            FROM due WHERE id = due.message
            RETURNING id, type, payload, created_at
            """);

    /// <summary>Removes a message whose effect is durable.</summary>
    public static Statement Remove { get; } = new("DELETE FROM outbox WHERE id = @message_id");

    /// <summary>Notes where a run is recorded.</summary>
    public static Statement NoteRecorded { get; } = new("UPDATE runs SET audit_id = @audit_id WHERE id = @run_id AND audit_id IS NULL");
}
