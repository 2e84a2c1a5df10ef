using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>What asks write. Rows travel as one JSON parameter, so that a group costs as many statements as one request.</summary>
internal static class AskStatements
{
    /// <summary>Locks the rows in id order, so that two groups never wait for each other in a circle.</summary>
    public static Statement Lock { get; } = new(
        postgres: """
            SELECT source_id, wanted, secret_version, paused FROM wakeups
            WHERE source_id = ANY(@ids) ORDER BY source_id FOR UPDATE
            """,
        sqlite: """
            SELECT source_id, wanted, secret_version, paused FROM wakeups
            WHERE source_id IN (SELECT value FROM json_each(@ids))
            """);

    /// <summary>
    /// Counts the requests. A back-off is pulled forward to some time after the last attempt, but not before a <c>Retry-After</c>; any other wait, which ends a
    /// quiet period or comes before a second reading, to the end of a quiet period.
    /// </summary>
    public static Statement Count { get; } = new(
        postgres: $"""
            UPDATE wakeups AS w
            SET {Counting},
                not_before = CASE WHEN not_before IS NULL THEN NULL
                    WHEN failures > 0 THEN greatest(retry_after_until, least(not_before, last_checked_at + @pull_forward))
                    ELSE least(not_before, not_before_set_at + @quiet) END
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, wanted bigint, webhook bigint, manual bigint, announced text)
            WHERE w.source_id = r.id
            """,
        sqlite: $"""
            UPDATE wakeups AS w
            SET {Counting},
                not_before = CASE WHEN not_before IS NULL THEN NULL
                    WHEN failures > 0 THEN max(coalesce(retry_after_until, 0), min(not_before, last_checked_at + @pull_forward))
                    ELSE min(not_before, not_before_set_at + @quiet) END
            FROM (SELECT value->>'id' AS id, value->>'wanted' AS wanted, value->>'webhook' AS webhook, value->>'manual' AS manual,
                         value->>'announced' AS announced FROM json_each(@rows)) AS r
            WHERE w.source_id = r.id
            """);

    // What a webhook announces is awaited from now on. One that names no commit does not end the wait for one that another named.
    private const string Counting = $"""
        wanted = r.wanted,
                wanted_webhook = coalesce(r.webhook, wanted_webhook),
                wanted_manual = coalesce(r.manual, wanted_manual),
                asked_at = coalesce(asked_at, @now),
                asked_since_claim_at = coalesce(asked_since_claim_at, @now),
                woken_at = @now,
                expected_sha = CASE WHEN {KeepsExpectation} THEN expected_sha ELSE r.announced END,
                expected_until = CASE WHEN {KeepsExpectation} THEN expected_until ELSE @now + @expect END
        """;

    private const string KeepsExpectation = $"(r.webhook IS NULL OR (r.announced IS NULL AND expected_sha IS NOT NULL AND {Conditions.Expecting}))";

    /// <summary>Notes that authenticated webhooks came, to the second: a flood of them must not write the rows each time.</summary>
    public static Statement NoteWebhooks { get; } = new(
        postgres: $"UPDATE wakeups SET last_webhook_at = @now WHERE source_id = ANY(@ids) AND {NotNoted("last_webhook_at")}",
        sqlite: $"UPDATE wakeups SET last_webhook_at = @now WHERE source_id IN (SELECT value FROM json_each(@ids)) AND {NotNoted("last_webhook_at")}");

    /// <summary>Notes that sources' current secrets verified deliveries.</summary>
    public static Statement NoteCurrent { get; } = new(
        postgres: $"UPDATE webhook_secrets SET used_at = @now WHERE source_id = ANY(@ids) AND {NotNoted("used_at")}",
        sqlite: $"UPDATE webhook_secrets SET used_at = @now WHERE source_id IN (SELECT value FROM json_each(@ids)) AND {NotNoted("used_at")}");

    /// <summary>The same of previous secrets.</summary>
    public static Statement NotePrevious { get; } = new(
        postgres: $"UPDATE webhook_secrets SET previous_used_at = @now WHERE source_id = ANY(@ids) AND {NotNoted("previous_used_at")}",
        sqlite: $"UPDATE webhook_secrets SET previous_used_at = @now WHERE source_id IN (SELECT value FROM json_each(@ids)) AND {NotNoted("previous_used_at")}");

    /// <summary>The same of an organisation's current secret.</summary>
    public static Statement NoteSharedCurrent { get; } = new(
        $"UPDATE shared_webhook_secrets SET used_at = @now WHERE name = @name AND {NotNoted("used_at")}");

    /// <summary>The same of an organisation's previous secret.</summary>
    public static Statement NoteSharedPrevious { get; } = new(
        $"UPDATE shared_webhook_secrets SET previous_used_at = @now WHERE name = @name AND {NotNoted("previous_used_at")}");

    private static string NotNoted(string column) => $"coalesce({column} <= @now - @note_every OR {column} > @now, TRUE)";

    /// <summary>An id that is there is a caller's second try after an unknown outcome: the ledger keeps the first.</summary>
    public static Statement AddRequests { get; } = new(
        postgres: """
            INSERT INTO check_requests (id, source_id, actor, requested_at, ask, delivery_id)
            SELECT id, source_id, actor, @now, ask, delivery_id
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, source_id text, actor text, ask bigint, delivery_id text)
            ON CONFLICT (id) DO NOTHING
            """,
        sqlite: """
            INSERT INTO check_requests (id, source_id, actor, requested_at, ask, delivery_id)
            SELECT value->>'id', value->>'source_id', value->>'actor', @now, value->>'ask', value->>'delivery_id' FROM json_each(@rows) WHERE TRUE
            ON CONFLICT (id) DO NOTHING
            """);

    /// <summary>Takes numbers in commit order: the row stays locked until then.</summary>
    public static Statement NumberDeliveries { get; } = new("UPDATE sequences SET value = value + @count WHERE name = 'deliveries'");

    /// <summary>
    /// Adds deliveries under the numbers just taken; as with requests, the first of an id stays. What one repeats is the latest before it with the sender's id:
    /// in the group, which the caller sees, or in the ledger.
    /// </summary>
    public static Statement AddDeliveries { get; } = new(
        postgres: $"""
            INSERT INTO deliveries (id, sequence, source_id, received_at, provider, event, verdict, reason, remote_ip, signed_by, ask, result,
                   sender_delivery_id, announced_sha, secret_name, refs, replay_of)
            SELECT id, (SELECT value FROM sequences WHERE name = 'deliveries') - @count + place, source_id, received_at, provider, event, verdict, reason,
                   remote_ip, signed_by, ask, result, sender_delivery_id, announced_sha, secret_name, refs,
                   coalesce(replay_of, {Earlier("r.source_id", "r.sender_delivery_id", "r.id")})
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, place bigint, source_id text, received_at timestamptz, provider text, event text,
                   verdict text, reason text, remote_ip text, signed_by text, ask bigint, result text,
                   sender_delivery_id text, announced_sha text, secret_name text, refs text, replay_of text)
            ON CONFLICT (source_id, id) DO NOTHING
            """,
        sqlite: $"""
            INSERT INTO deliveries (id, sequence, source_id, received_at, provider, event, verdict, reason, remote_ip, signed_by, ask, result,
                   sender_delivery_id, announced_sha, secret_name, refs, replay_of)
            SELECT value->>'id', (SELECT value FROM sequences WHERE name = 'deliveries') - @count + (value->>'place'), value->>'source_id',
                   value->>'received_at', value->>'provider', value->>'event', value->>'verdict', value->>'reason',
                   value->>'remote_ip', value->>'signed_by', value->>'ask', value->>'result',
                   value->>'sender_delivery_id', value->>'announced_sha', value->>'secret_name', value->>'refs',
                   coalesce(value->>'replay_of', {Earlier("value->>'source_id'", "value->>'sender_delivery_id'", "value->>'id'")})
            FROM json_each(@rows) WHERE TRUE
            ON CONFLICT (source_id, id) DO NOTHING
            """);

    // A caller's second try must not find its first.
    private static string Earlier(string sourceId, string senderDeliveryId, string id) => $"""
        (SELECT d.id FROM deliveries AS d
         WHERE d.source_id = {sourceId} AND d.sender_delivery_id = {senderDeliveryId} AND d.id <> {id} ORDER BY d.sequence DESC LIMIT 1)
        """;
}
