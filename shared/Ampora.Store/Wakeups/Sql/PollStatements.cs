using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>Polls, and wake-ups that nobody finished.</summary>
internal static class PollStatements
{
    // A next poll further ahead than the interval and its jitter counts as past: the clock has jumped back. For how long it has been due
    // nobody knows; one interval is a fair guess.
    private const string DuePostgres =
        "(next_poll_at <= @now OR next_poll_at > @now + make_interval(secs => poll_interval_seconds * @longest_factor) + @slack)";

    private const string DueSqlite =
        "(next_poll_at <= @now OR next_poll_at > @now + poll_interval_seconds * 1000000 * @longest_factor + @slack)";

    // Wanted by polls alone, could be claimed, and no wake-up is on its way.
    private const string Left = $"{Conditions.PollOnly} AND {Conditions.Claimable} AND NOT {Conditions.RecentlyWoken}";

    /// <summary>The sum of the poll rates, and whether there is anything to do: read without a lock, on every tick.</summary>
    public static Statement Survey { get; } = new(
        postgres: $"""
            SELECT coalesce(sum(1.0::double precision / poll_interval_seconds), 0), coalesce(bool_or({DuePostgres} OR ({Left})), FALSE)
            FROM wakeups AS w WHERE NOT paused
            """,
        sqlite: $"""
            SELECT coalesce(sum(1.0 / poll_interval_seconds), 0.0), coalesce(max({DueSqlite} OR ({Left})), FALSE)
            FROM wakeups AS w WHERE NOT paused
            """);

    /// <summary>The budget, locked: schedulers take from it one after the other.</summary>
    public static Statement LockBudget { get; } = new(
        postgres: "SELECT tokens, EXTRACT(EPOCH FROM @now - computed_at)::double precision FROM poll_budget WHERE id = 1 FOR UPDATE",
        sqlite: "SELECT tokens, (@now - computed_at) / 1000000.0 FROM poll_budget WHERE id = 1");

    /// <summary>Writes the budget back.</summary>
    public static Statement SpendBudget { get; } = new("UPDATE poll_budget SET tokens = @tokens, computed_at = @now WHERE id = 1");

    /// <summary>Due sources that are wanted already: a poll would add nothing.</summary>
    public static Statement DueAndWanted { get; } = new(
        postgres: $"SELECT source_id FROM wakeups WHERE NOT paused AND wanted > done AND {DuePostgres} LIMIT @limit FOR UPDATE SKIP LOCKED",
        sqlite: $"SELECT source_id FROM wakeups WHERE NOT paused AND wanted > done AND {DueSqlite} LIMIT @limit");

    /// <summary>
    /// Due polls and poll-only wake-ups that were left, most overdue relative to their interval first. One that was just woken is overdue
    /// since then, so that a source nobody can finish does not spend the budget of the others.
    /// </summary>
    public static Statement MostOverdue { get; } = new(
        postgres: $"""
            SELECT source_id, wanted > done FROM wakeups AS w
            WHERE NOT paused AND (wanted = done AND {DuePostgres} OR {Left} AND {Conditions.HostHasPlace})
            ORDER BY EXTRACT(EPOCH FROM @now - CASE
                WHEN wanted > done THEN greatest(asked_at, not_before, woken_at)
                WHEN next_poll_at <= @now THEN next_poll_at
                ELSE @now - make_interval(secs => poll_interval_seconds) END) / poll_interval_seconds DESC
            LIMIT @limit FOR UPDATE SKIP LOCKED
            """,
        sqlite: $"""
            SELECT source_id, wanted > done FROM wakeups AS w
            WHERE NOT paused AND (wanted = done AND {DueSqlite} OR {Left} AND {Conditions.HostHasPlace})
            ORDER BY (@now - CASE
                WHEN wanted > done THEN max(coalesce(asked_at, 0), coalesce(not_before, 0), coalesce(woken_at, 0))
                WHEN next_poll_at <= @now THEN next_poll_at
                ELSE @now - poll_interval_seconds * 1000000 END) * 1.0 / poll_interval_seconds DESC
            LIMIT @limit
            """);

    /// <summary>Asks for polls.</summary>
    public static Statement AskForPolls { get; } = new(
        postgres: $"UPDATE wakeups {Asking} WHERE source_id = ANY(@ids)",
        sqlite: $"UPDATE wakeups {Asking} WHERE source_id IN (SELECT value FROM json_each(@ids))");

    /// <summary>Notes that a wake-up is on its way.</summary>
    public static Statement NoteWoken { get; } = new(
        postgres: "UPDATE wakeups SET woken_at = @now WHERE source_id = ANY(@ids)",
        sqlite: "UPDATE wakeups SET woken_at = @now WHERE source_id IN (SELECT value FROM json_each(@ids))");

    /// <summary>Moves sources to their next poll, each by a factor of its own.</summary>
    public static Statement ScheduleNext { get; } = new(
        postgres: """
            UPDATE wakeups SET next_poll_at = @now + make_interval(secs => poll_interval_seconds * r.factor)
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, factor double precision) WHERE source_id = r.id
            """,
        sqlite: """
            UPDATE wakeups SET next_poll_at = @now + CAST(poll_interval_seconds * 1000000 * r.factor AS INTEGER)
            FROM (SELECT value->>'id' AS id, value->>'factor' AS factor FROM json_each(@rows)) AS r WHERE source_id = r.id
            """);

    /// <summary>Takes wake-ups by webhooks and operators that could be claimed and that nobody was told of lately.</summary>
    public static Statement TakeUnfinished { get; } = new(
        postgres: Taking("FOR UPDATE SKIP LOCKED"),
        sqlite: Taking(""));

    private const string Asking = """
        SET wanted = wanted + 1, asked_at = coalesce(asked_at, @now), asked_since_claim_at = coalesce(asked_since_claim_at, @now), woken_at = @now
        """;

    private static string Taking(string locking) => $"""
        WITH unfinished AS MATERIALIZED (
            SELECT source_id AS id FROM wakeups AS w
            WHERE {Conditions.Claimable} AND NOT ({Conditions.PollOnly}) AND NOT {Conditions.RecentlyWoken}
              AND {Conditions.HostHasPlace}
            ORDER BY asked_at LIMIT @limit {locking})
        UPDATE wakeups SET woken_at = @now FROM unfinished WHERE source_id = unfinished.id
        RETURNING source_id
        """;
}
