using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>Claims, and what keeps them.</summary>
internal static class ClaimStatements
{
    // Counting a host's leases and adding one must not interleave with another claim on that host. "ampo" keeps the lock apart from
    // other uses of advisory locks; two hosts with one hash only wait for each other.
    private const string HostLock = "pg_advisory_xact_lock(1634562159, hashtext(host))";

    /// <summary>Which host the source is on; on PostgreSQL, claims on that host wait for each other from here to the commit.</summary>
    public static Statement LockHostOfSource { get; } = new(
        postgres: $"SELECT host, {HostLock}::text FROM wakeups WHERE source_id = @id AND wanted > done AND NOT paused",
        sqlite: "SELECT host FROM wakeups WHERE source_id = @id AND wanted > done AND NOT paused");

    /// <summary>The same for a host by name.</summary>
    public static Statement LockHost { get; } = new(
        postgres: $"SELECT {HostLock}::text FROM (SELECT @host AS host) AS h",
        sqlite: "SELECT @host");

    /// <summary>The claim itself.</summary>
    public static Statement Claim { get; } = new($"""
        UPDATE wakeups AS w
        SET fence = fence + 1, lease_owner = @owner, lease_until = @now + @lease, asked_since_claim_at = NULL, waiting_for_host = FALSE
        WHERE source_id = @id AND {Conditions.Claimable} AND {Conditions.HostHasPlace}
        RETURNING fence, wanted, done, wanted_webhook > done, wanted_manual > done, run_count > 0, asked_at, @now, config, host, tip_sha, failures,
            wanted_webhook, expected_sha, {Conditions.Expecting}, reread_covers, reread_at, coalesce(reread_at <= @now OR reread_at > @now + @expect_ahead, FALSE),
            tip_ref, tip_config, {Conditions.Slow}
        """);

    /// <summary>
    /// What to fetch, and who could be claimed for the same remote. A statement of its own, after the claim has the row: whoever changes these columns changes the row in the same
    /// transaction, so they belong to the claimed settings; a join in the claim could have read them before a change that it waited for.
    /// </summary>
    public static Statement ReadSource { get; } = new($"""
        SELECT s.uid, s.url, s.ref, {Conditions.Companions}, {Conditions.LeasesOfHost}
        FROM sources AS s JOIN wakeups AS w ON w.source_id = s.id WHERE s.id = @id
        """);

    /// <summary>Who asked for what a claim covers: whether by webhook, the id, the address or person, and what an operator asked because of.</summary>
    public static Statement ReadTriggers { get; } = new("""
        SELECT TRUE, id, remote_ip, ask, NULL FROM deliveries WHERE source_id = @id AND ask > @done AND ask <= @covered
        UNION ALL
        SELECT FALSE, id, actor, ask, delivery_id FROM check_requests WHERE source_id = @id AND ask > @done AND ask <= @covered
        ORDER BY ask LIMIT @limit
        """);

    /// <summary>Why a claim was refused.</summary>
    public static Statement Refusal { get; } = new($"""
        SELECT wanted > done AND NOT paused AND NOT {Conditions.Leased}, {Conditions.HeldBack}, not_before - @now, NOT ({Conditions.HostHasPlace})
        FROM wakeups AS w WHERE source_id = @id
        """);

    /// <summary>Notes that only the host's limit refused a claim.</summary>
    public static Statement WaitForHost { get; } = new("UPDATE wakeups SET waiting_for_host = TRUE WHERE source_id = @id AND NOT waiting_for_host");

    /// <summary>Prolongs a lease, of a check that takes long.</summary>
    public static Statement Renew { get; } = new(
        $"UPDATE wakeups SET lease_until = @now + @lease, slow_until = @now + @slow_for WHERE {Conditions.HeldByClaim}");

    /// <summary>Gives a claim back.</summary>
    public static Statement Release { get; } = new(
        $"UPDATE wakeups SET fence = fence + 1, lease_owner = NULL, lease_until = NULL WHERE {Conditions.HeldByClaim}");

    /// <summary>Takes the source that has waited longest for a place on a host, of those that have one now, and those that wait on the same remote.</summary>
    public static Statement TakeWaiting { get; } = new(
        postgres: Taking("FOR UPDATE SKIP LOCKED"),
        sqlite: Taking(""));

    private static string Taking(string locking) => $"""
        WITH taken AS MATERIALIZED (
            SELECT source_id AS id FROM wakeups
            WHERE host = @host AND waiting_for_host AND {Conditions.Claimable} AND remote = (
                SELECT remote FROM wakeups AS w WHERE host = @host AND waiting_for_host AND {Conditions.Claimable} AND {Conditions.HostHasPlace}
                ORDER BY asked_at LIMIT 1)
            ORDER BY asked_at LIMIT @leases_per_host {locking})
        UPDATE wakeups SET waiting_for_host = FALSE, woken_at = @now FROM taken WHERE source_id = taken.id
        RETURNING source_id, asked_at
        """;
}
