using Ampora.Database;
using Ampora.Store.Sql;

namespace Ampora.Store.Wakeups;

/// <summary>
/// The hot statements on wake-up rows. Both dialects read the same text but for <see cref="DialectTerms"/>. A NULL in a comparison of
/// times means "no such time", hence the COALESCE: the negation of NULL would be neither.
/// </summary>
internal sealed class WakeupSql
{
    private readonly DialectTerms _t;

    private WakeupSql(DialectTerms terms) => _t = terms;

    public static WakeupSql Postgres { get; } = new(DialectTerms.Postgres);

    public static WakeupSql Sqlite { get; } = new(DialectTerms.Sqlite);

    public static WakeupSql Of(DatabaseDialect dialect) => dialect == DatabaseDialect.Postgres ? Postgres : Sqlite;

    public string LockForAsk => $"""
        SELECT source_id, wanted, paused, secret_version FROM wakeups WHERE source_id {_t.In("@ids")} ORDER BY source_id {_t.ForUpdate}
        """;

    // A request pulls a back-off forward to @pull after the last attempt, but never before the host's own wish.
    public string Ask => $"""
        UPDATE wakeups SET
            wanted = @wanted,
            wanted_webhook = COALESCE(CAST(@webhook AS bigint), wanted_webhook),
            wanted_manual = COALESCE(CAST(@manual AS bigint), wanted_manual),
            asked_at = COALESCE(asked_at, {_t.Now}),
            asked_since_claim_at = COALESCE(asked_since_claim_at, {_t.Now}),
            woken_at = {_t.Now},
            not_before = CASE WHEN failures > 0 AND not_before IS NOT NULL AND last_checked_at IS NOT NULL
                THEN {_t.Greatest}(COALESCE(retry_after_until, last_checked_at), {_t.Least}(not_before, last_checked_at + @pull))
                ELSE not_before END
        WHERE source_id = @id
        """;

    public static string AddDelivery => """
        INSERT INTO deliveries (id, sequence, source_id, received_at, provider, event, verdict, reason, remote_ip, signed_by, ask, result)
        VALUES (@id, @sequence, @source, @received, @provider, CAST(@event AS text), @verdict, CAST(@reason AS text), CAST(@ip AS text), @signed, CAST(@ask AS bigint), CAST(@result AS text))
        """;

    public string AddRequest => $"""
        INSERT INTO check_requests (id, source_id, actor, requested_at, ask) VALUES (@id, @source, @actor, {_t.Now}, @ask)
        """;

    // Claims on one host are made one after another, so that none counts leases that another is about to take.
    public static string LockHost => "SELECT pg_advisory_xact_lock(hashtextextended(host, 0)) FROM wakeups WHERE source_id = @id";

    public string Claim => $"""
        UPDATE wakeups AS w SET
            fence = w.fence + 1,
            lease_owner = @owner,
            lease_until = {_t.Now} + @lease,
            asked_since_claim_at = NULL,
            waiting_for_host = FALSE
        WHERE w.source_id = @id AND {Claimable("w")}
            AND (SELECT count(*) FROM wakeups AS o WHERE o.host = w.host AND o.lease_until IS NOT NULL AND {Leased("o")}) < @per_host
        RETURNING fence, wanted, done, wanted_webhook, wanted_manual, asked_at, {_t.Now} AS claimed_at, config, host, tip_sha, failures, run_count
        """;

    public static string ReadSource => "SELECT uid, url, ref FROM sources WHERE id = @id";

    public string WhyNotClaimed => $"""
        SELECT w.wanted > w.done AND NOT w.paused AND NOT {Leased("w")} AS wants, {HeldBack("w")} AS held, w.not_before, {_t.Now} AS asked_now
        FROM wakeups AS w WHERE w.source_id = @id
        """;

    public static string WaitForHost => "UPDATE wakeups SET waiting_for_host = TRUE WHERE source_id = @id";

    public string Renew => $"UPDATE wakeups SET lease_until = {_t.Now} + @lease WHERE {Held}";

    public static string Release => $"UPDATE wakeups SET {NoLease} WHERE {Held}";

    public static string ReadTriggers => """
        SELECT ask, id, 'webhook' AS kind, remote_ip AS actor FROM deliveries WHERE source_id = @id AND ask > @done AND ask <= @covered
        UNION ALL
        SELECT ask, id, 'manual' AS kind, actor FROM check_requests WHERE source_id = @id AND ask > @done AND ask <= @covered
        ORDER BY ask LIMIT @limit
        """;

    public string Finish => $"""
        UPDATE wakeups SET
            done = @covered,
            {NoLease},
            waiting_for_host = FALSE,
            asked_at = asked_since_claim_at,
            tip_config = CASE WHEN @moved THEN @config ELSE COALESCE(tip_config, @config) END,
            tip_seen_at = CASE WHEN @moved THEN {_t.Now} ELSE tip_seen_at END,
            tip_sha = @tip,
            last_checked_at = {_t.Now},
            last_succeeded_at = {_t.Now},
            failures = 0, failure_run_id = NULL, error_code = NULL, error_detail = NULL, error_remedy = NULL, retry_after_until = NULL,
            not_before = CASE WHEN @quiet THEN {_t.Now} + @pause ELSE NULL END,
            not_before_set_at = CASE WHEN @quiet THEN {_t.Now} ELSE NULL END,
            run_count = run_count + @runs
        WHERE {Held} AND done < @covered
        RETURNING wanted > done AS more
        """;

    public string Fail => $"""
        UPDATE wakeups SET
            {NoLease},
            waiting_for_host = FALSE,
            last_checked_at = {_t.Now},
            failures = failures + 1,
            failure_run_id = COALESCE(CAST(@run AS text), failure_run_id),
            error_code = @code, error_detail = @detail, error_remedy = @remedy,
            retry_after_until = {_t.Now} + @retry_after,
            not_before = {_t.Now} + @back_off,
            not_before_set_at = {_t.Now},
            run_count = run_count + @runs
        WHERE {Held} AND done < @covered
        RETURNING failure_run_id
        """;

    public static string SettleDeliveries =>
        "UPDATE deliveries SET result = @result, run_id = CAST(@run AS text) WHERE source_id = @id AND ask > @done AND ask <= @covered";

    public static string SettleRequests => "UPDATE check_requests SET run_id = CAST(@run AS text) WHERE source_id = @id AND ask > @done AND ask <= @covered";

    public string AddSweep => $"""
        INSERT INTO sweeps (source_id, config, sha, author, subject, committed_at, parents, swept_at)
        VALUES (@id, @config, @sha, @author, @subject, @committed, @parents, {_t.Now})
        ON CONFLICT DO NOTHING
        """;

    public static string ShowSnapshot => "UPDATE snapshots SET visible = TRUE WHERE source_id = @id AND config = @config AND sha = @sha AND NOT visible";

    // A host's place is looked for after every check: the look is a read, so that SQLite's one writer is not disturbed when nobody waits.
    public static string AnyWaitingForHost => "SELECT source_id FROM wakeups WHERE host = @host AND waiting_for_host LIMIT 1";

    public string TakeWaitingForHost => $"""
        UPDATE wakeups SET waiting_for_host = FALSE, woken_at = {_t.Now} WHERE source_id = (
            SELECT w.source_id FROM wakeups AS w WHERE w.host = @host AND w.waiting_for_host AND {Claimable("w")} ORDER BY w.asked_at LIMIT 1 {_t.SkipLocked})
        RETURNING source_id
        """;

    public string AnyPollWork => $"""
        SELECT w.source_id FROM wakeups AS w WHERE NOT w.paused AND {Due("w")}
        UNION ALL
        SELECT w.source_id FROM wakeups AS w WHERE {PollOnly("w")} AND {Claimable("w")} AND NOT {Woken("w")}
        LIMIT 1
        """;

    public string LockBudget => $"""
        SELECT b.tokens, {_t.SecondsSince("b.computed_at")} AS elapsed,
            (SELECT CAST(COALESCE(sum(1.0 / w.poll_interval_seconds), 0) AS double precision) FROM wakeups AS w WHERE NOT w.paused) AS rate
        FROM poll_budget AS b WHERE b.id = 1 {_t.ForUpdate}
        """;

    public string SpendBudget => $"UPDATE poll_budget SET tokens = @tokens, computed_at = {_t.Now} WHERE id = 1";

    // What is wanted already needs no request: it is only moved on, and costs no budget.
    public string MoveWantedPolls => $"""
        UPDATE wakeups SET next_poll_at = {NextPoll} WHERE source_id IN (
            SELECT w.source_id FROM wakeups AS w WHERE NOT w.paused AND w.wanted > w.done AND {Due("w")} LIMIT @limit {_t.SkipLocked})
        """;

    public string TakeUnfinishedPolls => $"""
        UPDATE wakeups SET woken_at = {_t.Now} WHERE source_id IN (
            SELECT w.source_id FROM wakeups AS w WHERE {PollOnly("w")} AND {Claimable("w")} AND NOT {Woken("w")} ORDER BY w.asked_at LIMIT @limit {_t.SkipLocked})
        RETURNING source_id
        """;

    public string TakeDuePolls => $"""
        UPDATE wakeups SET
            wanted = wanted + 1,
            asked_at = COALESCE(asked_at, {_t.Now}),
            asked_since_claim_at = COALESCE(asked_since_claim_at, {_t.Now}),
            woken_at = {_t.Now},
            next_poll_at = {NextPoll}
        WHERE source_id IN (
            SELECT w.source_id FROM wakeups AS w WHERE NOT w.paused AND w.wanted = w.done AND {Due("w")}
            ORDER BY {_t.SecondsSince("w.next_poll_at")} / w.poll_interval_seconds DESC LIMIT @limit {_t.SkipLocked})
        RETURNING source_id
        """;

    public string AnyUnfinished => $"SELECT w.source_id FROM wakeups AS w WHERE {Unfinished("w")} LIMIT 1";

    public string TakeUnfinished => $"""
        UPDATE wakeups SET woken_at = {_t.Now} WHERE source_id IN (
            SELECT w.source_id FROM wakeups AS w WHERE {Unfinished("w")} ORDER BY w.asked_at LIMIT @limit {_t.SkipLocked})
        RETURNING source_id
        """;

    /// <summary>The next poll of the row in hand.</summary>
    public string NextPoll => _t.After($"poll_interval_seconds * (1 - @jitter + 2 * @jitter * {_t.Random})");

    private static string Held => "source_id = @id AND lease_owner = @owner AND fence = @fence";

    private static string NoLease => "fence = fence + 1, lease_owner = NULL, lease_until = NULL";

    private static string PollOnly(string row) => $"{row}.wanted > {row}.done AND {row}.wanted_webhook <= {row}.done AND {row}.wanted_manual <= {row}.done";

    private string Claimable(string row) => $"{row}.wanted > {row}.done AND NOT {row}.paused AND NOT {HeldBack(row)} AND NOT {Leased(row)}";

    private string Unfinished(string row) =>
        $"({row}.wanted_webhook > {row}.done OR {row}.wanted_manual > {row}.done) AND {Claimable(row)} AND NOT {Woken(row)}";

    // A lease that ends later than one that was made this moment can: the clock has jumped back since.
    private string Leased(string row) => $"COALESCE({row}.lease_until > {_t.Now} AND {row}.lease_until <= {_t.Now} + @lease_max, FALSE)";

    private string HeldBack(string row) => $"COALESCE({row}.not_before > {_t.Now} AND {row}.not_before_set_at <= {_t.Now} + @slack, FALSE)";

    private string Woken(string row) => $"COALESCE({row}.woken_at > {_t.Now} - @recent AND {row}.woken_at <= {_t.Now} + @slack, FALSE)";

    private string Due(string row) =>
        $"({row}.next_poll_at <= {_t.Now} OR {row}.next_poll_at > {_t.After($"{row}.poll_interval_seconds * (1 + @jitter) + @slack_seconds")})";
}
