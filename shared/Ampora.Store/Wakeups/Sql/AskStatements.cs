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

    /// <summary>Counts the requests, and pulls a back-off forward to some time after the last attempt, but not before a <c>Retry-After</c>.</summary>
    public static Statement Count { get; } = new(
        postgres: """
            UPDATE wakeups AS w
            SET wanted = r.wanted,
                wanted_webhook = coalesce(r.webhook, wanted_webhook),
                wanted_manual = coalesce(r.manual, wanted_manual),
                asked_at = coalesce(asked_at, @now),
                asked_since_claim_at = coalesce(asked_since_claim_at, @now),
                woken_at = @now,
                not_before = CASE WHEN failures > 0 AND not_before IS NOT NULL
                    THEN greatest(retry_after_until, least(not_before, last_checked_at + @pull_forward)) ELSE not_before END
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, wanted bigint, webhook bigint, manual bigint)
            WHERE w.source_id = r.id
            """,
        sqlite: """
            UPDATE wakeups AS w
            SET wanted = r.wanted,
                wanted_webhook = coalesce(r.webhook, wanted_webhook),
                wanted_manual = coalesce(r.manual, wanted_manual),
                asked_at = coalesce(asked_at, @now),
                asked_since_claim_at = coalesce(asked_since_claim_at, @now),
                woken_at = @now,
                not_before = CASE WHEN failures > 0 AND not_before IS NOT NULL
                    THEN max(coalesce(retry_after_until, 0), min(not_before, last_checked_at + @pull_forward)) ELSE not_before END
            FROM (SELECT value->>'id' AS id, value->>'wanted' AS wanted, value->>'webhook' AS webhook, value->>'manual' AS manual FROM json_each(@rows)) AS r
            WHERE w.source_id = r.id
            """);

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
