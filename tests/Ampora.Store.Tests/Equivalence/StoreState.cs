using System.Text.Json;
using Ampora.Simulation.Model;
using Ampora.Store.Model;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>Everything that a store shows, as text that can be compared.</summary>
/// <param name="Facts">One line for each fact, sorted.</param>
/// <param name="NextPolls">When each source is polled next, apart because chance has a part in it.</param>
internal sealed record StoreState(IReadOnlyList<string> Facts, IReadOnlyDictionary<string, DateTimeOffset> NextPolls)
{
    public static async Task<StoreState> ReadAsync(StoreContext context)
    {
        var facts = new List<string>();
        var wakeups = await context.Wakeups.AsNoTracking().ToListAsync();
        var urls = await context.Sources.AsNoTracking().ToDictionaryAsync(s => s.Id, s => s.Url);
        facts.AddRange(wakeups.SelectMany(w => Lines(w.SourceId, Of(w), urls[w.SourceId])));
        facts.AddRange((await context.WebhookSecrets.AsNoTracking().ToListAsync())
            .Select(s => Line("secret", s.SourceId, s.UsedAt is not null, s.PreviousUsedAt is not null)));
        facts.AddRange((await context.Deliveries.AsNoTracking().OrderBy(d => d.Sequence).ToListAsync()).GroupBy(d => d.SourceId)
            .SelectMany(g => g.Select((d, i) => Line("delivery", d.SourceId, i, d.Id, d.Verdict, d.Reason, d.Ask, d.Result, d.RunId, d.ReplayOf, d.AnnouncedSha, d.ReceivedAt))));
        facts.AddRange((await context.CheckRequests.AsNoTracking().ToListAsync())
            .Select(r => Line("request", r.SourceId, r.Ask, Named(r.Id), r.RunId, r.DeliveryId)));
        facts.AddRange((await context.Runs.AsNoTracking().OrderBy(r => r.Sequence).ToListAsync()).GroupBy(r => r.SourceId)
            .SelectMany(g => g.Select((r, i) => Line("run", r.SourceId, i, r.Id, r.Outcome, r.Trigger, r.PreviousSha, r.Sha, r.RecoveredAfterFailures, r.AuditId))));
        facts.AddRange((await context.Sweeps.AsNoTracking().ToListAsync()).Select(s => Line("sweep", s.SourceId, s.Config, s.Sha)));
        facts.AddRange((await context.Snapshots.AsNoTracking().ToListAsync()).Select(s => Line("snapshot", s.SourceId, s.Config, s.Sha)));
        facts.AddRange((await context.Unannounced.AsNoTracking().ToListAsync()).Select(u => Line("unannounced", u.SourceId, u.Sha, u.FoundAt)));
        facts.AddRange((await context.Outbox.AsNoTracking().ToListAsync()).Select(o => Line("outbox", o.Id, o.Attempts, o.NextAttemptAt)));
        return new(Sorted(facts), wakeups.ToDictionary(w => w.SourceId, w => w.NextPollAt));
    }

    public static StoreState Of(ModelWakeupStore model)
    {
        var facts = new List<string>();
        foreach (var s in model.Sources)
        {
            facts.AddRange(Lines(s.Id, Of(s), s.Url));
            if (s.HasSecret)
                facts.Add(Line("secret", s.Id, s.UsedAt is not null, s.PreviousUsedAt is not null));
            facts.AddRange(s.Deliveries.Select((d, i) => Line(
                "delivery", s.Id, i, d.Delivery.DeliveryId, d.Verdict, d.Reason, d.Ask, d.Result, d.RunId, d.ReplayOf, d.Delivery.AnnouncedSha, d.Delivery.ReceivedAt)));
            facts.AddRange(s.Requests.Select(r => Line("request", s.Id, r.Ask, Named(r.Id), r.RunId, r.DeliveryId)));
            facts.AddRange(s.Runs.Select((r, i) => Line(
                "run", s.Id, i, r.Summary.RunId, r.Summary.Outcome, r.Summary.Trigger, r.Summary.PreviousSha, r.Summary.Sha, r.Summary.RecoveredAfterFailures,
                model.AuditIds.TryGetValue(r.Summary.RunId, out var audit) ? audit : null)));
            facts.AddRange(s.Sweeps.Select(w => Line("sweep", s.Id, w.Config, w.Sha)));
            facts.AddRange(s.Snapshots.Select(w => Line("snapshot", s.Id, w.Config, w.Sha)));
            facts.AddRange(s.Unannounced.Select(u => Line("unannounced", s.Id, u.Sha, u.FoundAt)));
        }

        facts.AddRange(model.Outbox.Select(o => Line("outbox", o.Key, o.Value.Attempts, o.Value.NextAttemptAt)));
        return new(Sorted(facts), model.Sources.ToDictionary(s => s.Id, s => s.NextPollAt));
    }

    /// <summary>What only one of two has; empty when they are equal.</summary>
    public static string Difference(StoreState sql, StoreState model) => string.Join(
        '\n', Without(sql.Facts, model.Facts).Select(f => $"  only SQL:   {f}").Concat(Without(model.Facts, sql.Facts).Select(f => $"  only model: {f}")));

    // A fact that is there twice is another than one that is there once.
    private static IEnumerable<string> Without(IReadOnlyList<string> facts, IReadOnlyList<string> others)
    {
        var counts = others.CountBy(f => f).ToDictionary();
        foreach (var fact in facts)
        {
            if (counts.TryGetValue(fact, out var count) && count > 0)
                counts[fact] = count - 1;
            else
                yield return fact;
        }
    }

    private static object Of(Wakeup w) => new
    {
        w.Wanted,
        w.Done,
        w.WantedWebhook,
        w.WantedManual,
        w.AskedAt,
        w.AskedSinceClaimAt,
        w.LeaseOwner,
        w.LeaseUntil,
        w.Fence,
        w.Config,
        w.SecretVersion,
        w.Paused,
        w.Host,
        w.WaitingForHost,
        w.NotBefore,
        w.NotBeforeSetAt,
        w.RetryAfterUntil,
        Interval = w.PollIntervalSeconds,
        BaseInterval = w.BasePollIntervalSeconds,
        w.Adaptive,
        w.WokenAt,
        w.TipSha,
        w.TipRef,
        w.TipConfig,
        w.MovedTo,
        w.LastCheckedAt,
        w.Failures,
        w.FailureRunId,
        w.ExpectedSha,
        w.ExpectedUntil,
        w.RereadCovers,
        w.RereadAt,
        w.WebhookProvedAt,
        HadWebhook = w.LastWebhookAt is not null,
        w.MissedInRow,
        w.MissedTotal,
        w.SkippedSha,
        w.SkippedPreviousSha,
        w.SkippedTotal,
        Runs = w.RunCount,
    };

    private static object Of(ModelSource s) => new
    {
        s.Wanted,
        s.Done,
        s.WantedWebhook,
        s.WantedManual,
        s.AskedAt,
        s.AskedSinceClaimAt,
        s.LeaseOwner,
        s.LeaseUntil,
        s.Fence,
        s.Config,
        s.SecretVersion,
        s.Paused,
        s.Host,
        s.WaitingForHost,
        s.NotBefore,
        s.NotBeforeSetAt,
        s.RetryAfterUntil,
        Interval = (int)s.PollInterval.TotalSeconds,
        BaseInterval = (int)s.BasePollInterval.TotalSeconds,
        s.Adaptive,
        s.WokenAt,
        s.TipSha,
        s.TipRef,
        s.TipConfig,
        s.MovedTo,
        s.LastCheckedAt,
        s.Failures,
        s.FailureRunId,
        s.ExpectedSha,
        s.ExpectedUntil,
        s.RereadCovers,
        s.RereadAt,
        s.WebhookProvedAt,
        HadWebhook = s.LastWebhookAt is not null,
        s.MissedInRow,
        s.MissedTotal,
        SkippedSha = s.Skipped?.Sha,
        SkippedPreviousSha = s.Skipped?.PreviousSha,
        s.SkippedTotal,
        Runs = (long)s.Runs.Count,
    };

    // One for each column, so that a difference shows alone.
    private static IEnumerable<string> Lines(string id, object columns, string url) =>
        JsonSerializer.SerializeToElement(columns).EnumerateObject().Select(c => $"wakeup {id} {c.Name} = {c.Value}").Append($"wakeup {id} Url = {url}");

    private static string Line(string kind, params object?[] values) => $"{kind} {JsonSerializer.Serialize(values)}";

    // The Console's own requests have random ids.
    public static string? Named(string? id) => id?.StartsWith("asked_", StringComparison.Ordinal) != false ? id : "the Console's";

    private static string[] Sorted(List<string> facts) => [.. facts.Order(StringComparer.Ordinal)];
}
