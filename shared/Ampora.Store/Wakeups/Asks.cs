using Ampora.Store.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>Commits a group of requests in the current transaction.</summary>
internal static class Asks
{
    public static async Task<IReadOnlyList<AskOutcome>> CommitAsync(
        StoreContext context, IReadOnlyList<Ask> asks, WakeupPolicy policy, CancellationToken cancellationToken)
    {
        var sql = context is SqliteStoreContext ? WakeupSql.Sqlite : WakeupSql.Postgres;
        var rows = (await Statement.QueryAsync(
            context,
            sql.LockForAsk,
            row => new Locked(row.Text("source_id"), row.Number("wanted"), row.Flag("paused"), row.Number("secret_version")),
            cancellationToken,
            new[] { ("ids", (object?)asks.Select(a => a.SourceId).Distinct().Order(StringComparer.Ordinal).ToArray()) })).ToDictionary(r => r.SourceId);

        var outcomes = new AskOutcome[asks.Count];
        var deliveries = new List<(string, object?)[]>();
        var requests = new List<(string, object?)[]>();
        for (var i = 0; i < asks.Count; i++)
        {
            outcomes[i] = !rows.TryGetValue(asks[i].SourceId, out var row) ? AskOutcome.NoSource : asks[i] switch
            {
                ManualAsk manual => Note(row, manual, requests),
                WebhookAsk webhook => Note(row, webhook, deliveries),
                _ => throw new ArgumentException($"{asks[i].GetType().Name} is no request that is committed so.", nameof(asks)),
            };
        }

        await Statement.ExecuteManyAsync(
            context,
            sql.Ask,
            [.. rows.Values.Where(r => r.Woken).Select(r => new[]
            {
                ("id", (object?)r.SourceId), ("wanted", r.Wanted), ("webhook", r.Webhook), ("manual", r.Manual), ("pull", policy.PullForward),
            })],
            cancellationToken);
        await Statement.ExecuteManyAsync(context, sql.AddRequest, requests, cancellationToken);
        if (deliveries.Count > 0)
        {
            var last = await StoreJournal.NextSequenceAsync(context, "deliveries", deliveries.Count, cancellationToken);
            var rowsWithPlace = deliveries.Select((d, i) => (ValueTuple<string, object?>[])[.. d, ("sequence", last - deliveries.Count + 1 + i)]).ToList();
            await Statement.ExecuteManyAsync(context, WakeupSql.AddDelivery, rowsWithPlace, cancellationToken);
        }

        return outcomes;
    }

    private static AskOutcome Note(Locked row, ManualAsk ask, List<(string, object?)[]> requests)
    {
        if (row.Paused)
            return AskOutcome.Paused;
        row.Manual = ++row.Wanted;
        requests.Add([("id", ask.RequestId), ("source", ask.SourceId), ("actor", ask.Actor), ("ask", row.Wanted)]);
        return AskOutcome.Accepted;
    }

    private static AskOutcome Note(Locked row, WebhookAsk ask, List<(string, object?)[]> deliveries)
    {
        if (ask.SecretVersion != row.SecretVersion)
            return AskOutcome.StaleSecret;
        var reason = row.Paused ? "source_paused" : ask.Delivery.IgnoredBecause;
        if (reason is null)
            row.Webhook = ++row.Wanted;
        deliveries.Add(
        [
            ("id", ask.Delivery.DeliveryId),
            ("source", ask.SourceId),
            ("received", ask.Delivery.ReceivedAt),
            ("provider", ask.Delivery.Provider),
            ("event", ask.Delivery.Event),
            ("verdict", reason is null ? "accepted" : "ignored"),
            ("reason", reason),
            ("ip", ask.Delivery.RemoteIp),
            ("signed", ask.Delivery.SignedBy),
            ("ask", reason is null ? row.Wanted : null),
            ("result", reason is null ? "pending" : null),
        ]);
        return row.Paused ? AskOutcome.Paused : reason is null ? AskOutcome.Accepted : AskOutcome.Ignored;
    }

    private sealed class Locked(string sourceId, long wanted, bool paused, long secretVersion)
    {
        public string SourceId => sourceId;

        public long Wanted { get; set; } = wanted;

        public long? Webhook { get; set; }

        public long? Manual { get; set; }

        public bool Paused => paused;

        public long SecretVersion => secretVersion;

        public bool Woken => Webhook is not null || Manual is not null;
    }
}
