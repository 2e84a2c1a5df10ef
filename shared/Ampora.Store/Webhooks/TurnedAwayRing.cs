using Ampora.Store.Model;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;

namespace Ampora.Store.Webhooks;

/// <summary>
/// Keeps the latest kinds of deliveries that woke nothing and belong in no ledger. They are in a table of their own with bounds of their own, refused ones apart
/// from authenticated ones, so that a flood of strangers pushes out nothing but its like.
/// </summary>
public static class TurnedAwayRing
{
    /// <summary>How many kinds of each verdict are kept of one source: what an operator looks through to find what is wrong.</summary>
    public const int KindsOfSource = 50;

    /// <summary>How many are kept of what concerns no source: the whole Internet knocks there.</summary>
    public const int KindsOfNone = 200;

    /// <summary>
    /// Adds rows in the current transaction; a kind that is there already counts on, and becomes the latest. It takes the lock under which deliveries are
    /// numbered: call it last.
    /// </summary>
    /// <param name="context">The context, inside a transaction.</param>
    /// <param name="rows">
    /// One row for each kind; their sequence is set here. The same rows may be given again after an unknown outcome: what is there under the same id is not counted
    /// twice.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task AddAsync(StoreContext context, IReadOnlyList<TurnedAwayRow> rows, CancellationToken cancellationToken)
    {
        var session = new StoreSession(context);
        string[] wanted = [.. rows.Select(r => r.SourceId).OfType<string>().Distinct(StringComparer.Ordinal)];
        // A source may have been deleted since it was turned away from.
        var there = wanted.Length == 0
            ? []
            : await session.ReadAsync(Hold, [("ids", wanted)], row => row.String(0), cancellationToken);
        var sources = there.ToHashSet(StringComparer.Ordinal);
        TurnedAwayRow[] kept = [.. rows.Where(r => r.SourceId is null || sources.Contains(r.SourceId))];
        if (kept.Length == 0)
            return;
        for (var i = 0; i < kept.Length; i++)
            kept[i].Sequence = i + 1;

        await session.RunAsync(
            [
                new(AskStatements.NumberDeliveries, [("count", (long)kept.Length)]),
                new(Add, [("count", (long)kept.Length), ("rows", session.ToJson(kept))]),
                new(Trim, [("ids", wanted), ("of_source", (long)KindsOfSource), ("of_none", (long)KindsOfNone)]),
            ],
            cancellationToken);
    }

    /// <summary>Keeps the sources from being deleted until the commit.</summary>
    private static Statement Hold { get; } = new(
        postgres: "SELECT id FROM sources WHERE id = ANY(@ids) ORDER BY id FOR KEY SHARE",
        sqlite: "SELECT id FROM sources WHERE id IN (SELECT value FROM json_each(@ids))");

    private static Statement Add { get; } = new(
        postgres: $"""
            INSERT INTO turned_away AS t (id, kind, sequence, source_id, first_at, received_at, provider, event, verdict, reason, detail, remote_ip, refs,
                   repository, count)
            SELECT id, kind, (SELECT value FROM sequences WHERE name = 'deliveries') - @count + sequence, source_id, first_at, received_at, provider, event,
                   verdict, reason, detail, remote_ip, refs, repository, count
            FROM jsonb_to_recordset(@rows::jsonb) AS r(id text, kind text, sequence bigint, source_id text, first_at timestamptz, received_at timestamptz,
                   provider text, event text, verdict text, reason text, detail text, remote_ip text, refs text, repository text, count bigint)
            {CountOn}
            """,
        sqlite: $"""
            INSERT INTO turned_away AS t (id, kind, sequence, source_id, first_at, received_at, provider, event, verdict, reason, detail, remote_ip, refs,
                   repository, count)
            SELECT value->>'id', value->>'kind', (SELECT value FROM sequences WHERE name = 'deliveries') - @count + (value->>'sequence'), value->>'source_id',
                   value->>'first_at', value->>'received_at', value->>'provider', value->>'event', value->>'verdict', value->>'reason', value->>'detail',
                   value->>'remote_ip', value->>'refs', value->>'repository', value->>'count'
            FROM json_each(@rows) WHERE TRUE
            {CountOn}
            """);

    private const string CountOn = """
        ON CONFLICT (kind) DO UPDATE SET id = excluded.id, sequence = excluded.sequence, received_at = excluded.received_at, detail = excluded.detail,
               refs = excluded.refs, repository = excluded.repository, count = t.count + excluded.count
        WHERE t.id <> excluded.id
        """;

    private static Statement Trim { get; } = new(
        postgres: $"DELETE FROM turned_away WHERE id IN ({Surplus("= ANY(@ids)")})",
        sqlite: $"DELETE FROM turned_away WHERE id IN ({Surplus("IN (SELECT value FROM json_each(@ids))")})");

    private static string Surplus(string ofThese) => $"""
        SELECT id FROM (
            SELECT id, source_id, row_number() OVER (PARTITION BY source_id, verdict ORDER BY sequence DESC) AS place
            FROM turned_away WHERE source_id {ofThese} OR source_id IS NULL) AS ranked
        WHERE place > CASE WHEN source_id IS NULL THEN @of_none ELSE @of_source END
        """;
}
