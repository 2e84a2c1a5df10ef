using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>Commits that polls found, and intervals that stretched.</summary>
internal static class JudgeStatements
{
    // Found in the future: the clock has jumped back, and what was near it is to be judged by now.
    private const string Ripe = "(found_at <= @now - @grace OR found_at > @now + @slack)";

    private const string Stale =
        "poll_interval_seconds > base_poll_interval_seconds AND coalesce(webhook_proved_at < @now - @proof_holds OR webhook_proved_at > @now + @slack, TRUE)";

    /// <summary>Whether there is anything to do: read without a lock, each time.</summary>
    public static Statement Survey { get; } = new(
        $"SELECT EXISTS (SELECT 1 FROM unannounced WHERE {Ripe}), EXISTS (SELECT 1 FROM wakeups WHERE {Stale})");

    /// <summary>The sources of the oldest commits that are to be judged.</summary>
    public static Statement Sources { get; } = new(
        $"SELECT DISTINCT source_id FROM (SELECT source_id FROM unannounced WHERE {Ripe} ORDER BY found_at LIMIT @limit) AS u");

    /// <summary>Locks their wake-up rows in id order, as asks do.</summary>
    public static Statement Lock { get; } = new(
        postgres: "SELECT source_id, missed_in_row FROM wakeups WHERE source_id = ANY(@ids) ORDER BY source_id FOR UPDATE",
        sqlite: "SELECT source_id, missed_in_row FROM wakeups WHERE source_id IN (SELECT value FROM json_each(@ids))");

    /// <summary>Those commits, oldest first, once the wake-up rows are locked; and whether a delivery announced each.</summary>
    public static Statement Judge { get; } = new(
        postgres: Judging("= ANY(@ids)"),
        sqlite: Judging("IN (SELECT value FROM json_each(@ids))"));

    /// <summary>They are judged once.</summary>
    public static Statement Remove { get; } = new(
        postgres: """
            DELETE FROM unannounced AS u USING jsonb_to_recordset(@rows::jsonb) AS r(source_id text, sha text, found_at timestamptz)
            WHERE u.source_id = r.source_id AND u.sha = r.sha AND u.found_at = r.found_at
            """,
        sqlite: """
            DELETE FROM unannounced
            WHERE (source_id, sha, found_at) IN (SELECT value->>'source_id', value->>'sha', value->>'found_at' FROM json_each(@rows))
            """);

    /// <summary>Counts what was missed; a source that misses webhooks is polled as its operator said.</summary>
    public static Statement Count { get; } = new(
        postgres: $"""
            UPDATE wakeups SET {Counting}, next_poll_at = CASE WHEN {FallsBack} THEN {NextPostgres} ELSE next_poll_at END
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, missed bigint, in_row int, starts_anew boolean, random double precision)
            WHERE source_id = r.id
            """,
        sqlite: $"""
            UPDATE wakeups SET {Counting}, next_poll_at = CASE WHEN {FallsBack} THEN {NextSqlite} ELSE next_poll_at END
            FROM (SELECT value->>'id' AS id, value->>'missed' AS missed, value->>'in_row' AS in_row, value->>'starts_anew' AS starts_anew,
                         value->>'random' AS random FROM json_each(@rows)) AS r
            WHERE source_id = r.id
            """);

    /// <summary>Sources that stretched their interval and have had no webhook for long.</summary>
    public static Statement TakeStale { get; } = new(
        postgres: $"SELECT source_id FROM wakeups WHERE {Stale} LIMIT @limit FOR UPDATE SKIP LOCKED",
        sqlite: $"SELECT source_id FROM wakeups WHERE {Stale} LIMIT @limit");

    /// <summary>Back to the operator's interval.</summary>
    public static Statement FallBack { get; } = new(
        postgres: $"""
            UPDATE wakeups SET poll_interval_seconds = base_poll_interval_seconds, next_poll_at = {NextPostgres}
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, random double precision) WHERE source_id = r.id
            """,
        sqlite: $"""
            UPDATE wakeups SET poll_interval_seconds = base_poll_interval_seconds, next_poll_at = {NextSqlite}
            FROM (SELECT value->>'id' AS id, value->>'random' AS random FROM json_each(@rows)) AS r WHERE source_id = r.id
            """);

    private const string FallsBack = "r.missed > 0 AND poll_interval_seconds > base_poll_interval_seconds";

    private const string NextPostgres = "least(next_poll_at, @now + make_interval(secs => base_poll_interval_seconds * r.random))";

    private const string NextSqlite = "min(next_poll_at, @now + CAST(base_poll_interval_seconds * 1000000 * r.random AS INTEGER))";

    private const string Counting = """
        missed_total = missed_total + r.missed,
            missed_in_row = CASE WHEN r.starts_anew THEN r.in_row ELSE missed_in_row + r.in_row END,
            poll_interval_seconds = CASE WHEN r.missed > 0 THEN base_poll_interval_seconds ELSE poll_interval_seconds END
        """;

    private static string Judging(string ids) => $"""
        SELECT u.source_id, u.sha, u.found_at, EXISTS (
            SELECT 1 FROM deliveries AS d
            WHERE d.source_id = u.source_id AND d.verdict = 'accepted' AND d.received_at >= u.found_at - @grace AND d.received_at <= u.found_at + @grace
              AND (d.announced_sha IS NULL OR d.announced_sha = u.sha))
        FROM unannounced AS u WHERE u.source_id {ids} AND {Ripe} ORDER BY u.found_at
        """;
}
