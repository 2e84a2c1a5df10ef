using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>Asks of a group, in one transaction: lock the rows, number the asks, write everything in a few statements.</summary>
internal static class Asking
{
    // How exactly the last use of a secret is kept: nobody decides by less, and a flood writes the row no oftener.
    private static readonly TimeSpan NoteEvery = TimeSpan.FromSeconds(1);

    public static async Task<IReadOnlyList<AskOutcome>> RunAsync(
        StoreSession session, IReadOnlyList<Ask> asks, WakeupPolicy policy, CancellationToken cancellationToken)
    {
        var rows = await session.ReadAsync(
            AskStatements.Lock,
            [("ids", asks.Select(a => a.SourceId).Distinct(StringComparer.Ordinal).ToArray())],
            row => new Counters(row.String(0), row.Long(1), row.Long(2), row.Bool(3)),
            cancellationToken);
        var sources = rows.ToDictionary(r => r.Id, StringComparer.Ordinal);
        var requests = new List<RequestRow>();
        var deliveries = new List<DeliveryRow>();
        AskOutcome[] outcomes = [.. asks.Select(ask => Decide(ask, sources, requests, deliveries))];

        var commands = new List<Command>();
        var counted = sources.Values.Where(s => s.Webhook is not null || s.Manual is not null).ToList();
        if (counted.Count > 0)
        {
            commands.Add(new(
                AskStatements.Count,
                [("rows", session.ToJson(counted)), ("pull_forward", policy.PullForward), ("quiet", policy.QuietPeriod), .. Conditions.Expectations(policy)]));
        }

        if (requests.Count > 0)
            commands.Add(new(AskStatements.AddRequests, [("rows", session.ToJson(requests))]));
        NoteUses(commands, deliveries);
        if (deliveries.Count > 0)
        {
            commands.Add(new(AskStatements.NumberDeliveries, [("count", (long)deliveries.Count)]));
            commands.Add(new(AskStatements.AddDeliveries, [("count", (long)deliveries.Count), ("rows", session.ToJson(deliveries))]));
        }

        await session.RunAsync(commands, cancellationToken);
        return outcomes;
    }

    /// <summary>
    /// Each secret that verified something, after the wake-up rows, as whoever changes secrets locks them; organisations' by name, since no wake-up row guards them.
    /// </summary>
    private static void NoteUses(List<Command> commands, List<DeliveryRow> deliveries)
    {
        if (deliveries.Count == 0)
            return;
        var every = ("note_every", (object?)NoteEvery);
        commands.Add(new(AskStatements.NoteWebhooks, [("ids", Ids(deliveries)), every]));
        foreach (var used in deliveries.GroupBy(d => (d.SecretName, d.SignedBy)).OrderBy(g => g.Key.SecretName, StringComparer.Ordinal).ThenBy(g => g.Key.SignedBy))
        {
            var previous = used.Key.SignedBy == "previous";
            commands.Add(used.Key.SecretName is { } name
                ? new(previous ? AskStatements.NoteSharedPrevious : AskStatements.NoteSharedCurrent, [("name", name), every])
                : new(previous ? AskStatements.NotePrevious : AskStatements.NoteCurrent, [("ids", Ids(used)), every]));
        }
    }

    private static string[] Ids(IEnumerable<DeliveryRow> deliveries) => [.. deliveries.Select(d => d.SourceId).Distinct(StringComparer.Ordinal)];

    private static AskOutcome Decide(Ask ask, Dictionary<string, Counters> sources, List<RequestRow> requests, List<DeliveryRow> deliveries)
    {
        if (!sources.TryGetValue(ask.SourceId, out var source))
            return AskOutcome.NoSource;
        switch (ask)
        {
            case ManualAsk when source.Paused:
                return AskOutcome.Paused;
            case ManualAsk manual:
                source.Manual = ++source.Wanted;
                requests.Add(new(manual.RequestId, manual.SourceId, manual.Actor, source.Wanted, manual.DeliveryId));
                return AskOutcome.Accepted;
            case WebhookAsk webhook when webhook.SecretVersion != source.SecretVersion:
                return AskOutcome.StaleSecret;
            case WebhookAsk webhook when source.Paused:
                deliveries.Add(DeliveryRow.Ignored(webhook, deliveries, "source_paused"));
                return AskOutcome.Paused;
            case WebhookAsk { Delivery.IgnoredBecause: { } reason } webhook:
                deliveries.Add(DeliveryRow.Ignored(webhook, deliveries, reason));
                return AskOutcome.Ignored;
            case WebhookAsk webhook:
                source.Webhook = ++source.Wanted;
                source.Announced = webhook.Delivery.AnnouncedSha ?? source.Announced;
                deliveries.Add(DeliveryRow.Accepted(webhook, deliveries, source.Wanted));
                return AskOutcome.Accepted;
            default:
                throw new ArgumentException($"There is no way to ask by {ask.GetType()}.", nameof(ask));
        }
    }

    private sealed class Counters(string id, long wanted, long secretVersion, bool paused)
    {
        public string Id => id;

        public long Wanted { get; set; } = wanted;

        public long? Webhook { get; set; }

        public long? Manual { get; set; }

        public string? Announced { get; set; }

        internal long SecretVersion => secretVersion;

        internal bool Paused => paused;
    }

    private sealed record RequestRow(string Id, string SourceId, string Actor, long Ask, string? DeliveryId);

    private sealed record DeliveryRow(
        string Id,
        int Place,
        string SourceId,
        DateTimeOffset ReceivedAt,
        string Provider,
        string? Event,
        string Verdict,
        string? Reason,
        string? RemoteIp,
        string SignedBy,
        long? Ask,
        string? Result,
        string? SenderDeliveryId,
        string? AnnouncedSha,
        string? SecretName,
        string? Refs,
        string? ReplayOf)
    {
        public static DeliveryRow Accepted(WebhookAsk ask, List<DeliveryRow> before, long number) => From(ask, before, "accepted", null, number, "pending");

        public static DeliveryRow Ignored(WebhookAsk ask, List<DeliveryRow> before, string reason) => From(ask, before, "ignored", reason, null, null);

        private static DeliveryRow From(WebhookAsk ask, List<DeliveryRow> before, string verdict, string? reason, long? number, string? result)
        {
            var d = ask.Delivery;
            var place = before.Count + 1;
            // The ledger does not have the others of this group yet.
            var earlier = d.SenderDeliveryId is null
                ? null
                : before.FindLast(b => b.SourceId == ask.SourceId && b.SenderDeliveryId == d.SenderDeliveryId && b.Id != d.DeliveryId);
            return new(
                d.DeliveryId,
                place,
                ask.SourceId,
                d.ReceivedAt,
                d.Provider,
                d.Event,
                verdict,
                reason,
                d.RemoteIp,
                d.SignedBy,
                number,
                result,
                d.SenderDeliveryId,
                d.AnnouncedSha,
                d.SecretName,
                d.Refs,
                earlier?.Id);
        }
    }
}
