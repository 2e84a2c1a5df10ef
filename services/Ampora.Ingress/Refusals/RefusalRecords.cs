using System.Globalization;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Ingress.Refusals;

/// <summary>
/// Writes refusals to the outbox and to the operator's ring, and with them the sign that this process lives. A process that ended without a goodbye has taken up to
/// a second of counts with it; another one finds its sign grown old and puts the gap on record, once.
/// </summary>
internal sealed class RefusalRecords(Database<StoreContext> database)
{
    private const string Service = "ingress";

    /// <summary>Three times what a live process lets pass between two signs: a slow database makes nobody look dead.</summary>
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(30);

    private readonly string _instance = $"ingress-{Guid.NewGuid():n}";

    /// <summary>Writes refusals and this process's sign in one transaction.</summary>
    /// <param name="refusals">What was counted; the same may be given again after an unknown outcome.</param>
    /// <param name="judge">Whether to look for processes that ended without a goodbye.</param>
    /// <param name="leave">True for the last time: the sign is removed instead.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The messages to publish.</returns>
    public Task<IReadOnlyList<OutboxMessage>> WriteAsync(
        CountedRefusals refusals, bool judge, bool leave, CancellationToken cancellationToken) =>
        database.WriteAsync<IReadOnlyList<OutboxMessage>>(
            async (context, token) =>
            {
                if (leave)
                    await context.ServiceInstances.Where(i => i.Id == _instance).ExecuteDeleteAsync(token);
                else
                    await SignAsync(context, token);

                var messages = new List<OutboxMessage>(refusals.Entries.Count);
                if (judge)
                {
                    foreach (var dead in await TakeDeadAsync(context, token))
                        messages.Add(await StoreJournal.AddAuditAsync(context, dead, token));
                }

                foreach (var (id, entry) in refusals.Entries)
                    messages.Add(await StoreJournal.AddAuditAsync(context, id, entry, token));
                await context.SaveChangesAsync(token);
                // Last, because webhooks that are being committed wait for the lock that it takes.
                await TurnedAwayRing.AddAsync(context, refusals.Rows, token);
                return messages;
            },
            cancellationToken);

    private Task<int> SignAsync(StoreContext context, CancellationToken cancellationToken) => database.Dialect == DatabaseDialect.Postgres
        ? context.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO service_instances (id, service, started_at, seen_at) VALUES ({_instance}, {Service}, clock_timestamp(), clock_timestamp())
            ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
            """,
            cancellationToken)
        : context.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO service_instances (id, service, started_at, seen_at) VALUES ({_instance}, {Service}, {Micros(Now)}, {Micros(Now)})
            ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
            """,
            cancellationToken);

    /// <summary>Removes the signs that have grown old; the delete decides which replica tells of them.</summary>
    private async Task<IEnumerable<AuditRecorded>> TakeDeadAsync(StoreContext context, CancellationToken cancellationToken)
    {
        var dead = database.Dialect == DatabaseDialect.Postgres
            ? context.ServiceInstances.FromSql(
                $"""
                DELETE FROM service_instances
                WHERE service = {Service} AND id <> {_instance} AND seen_at < clock_timestamp() - {DeadAfter}
                RETURNING *
                """)
            : context.ServiceInstances.FromSql(
                $"""
                DELETE FROM service_instances
                WHERE service = {Service} AND id <> {_instance} AND seen_at < {Micros(Now - DeadAfter)}
                RETURNING *
                """);
        var rows = await dead.AsNoTracking().ToListAsync(cancellationToken);
        return rows.Select(ToEntry);
    }

    private AuditRecorded ToEntry(ServiceInstance dead) => new()
    {
        OccurredAt = Now,
        Actor = "system",
        Action = "webhook.refusals_gap",
        Subject = $"service:{Service}",
        // When it died is unknown: after its last sign, and before somebody missed it.
        Detail = new Dictionary<string, string>
        {
            ["instance"] = dead.Id,
            ["from"] = Rfc3339(dead.SeenAt),
            ["to"] = Rfc3339(Now),
        },
    };

    private DateTimeOffset Now => database.Time.GetUtcNow();

    private static long Micros(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
