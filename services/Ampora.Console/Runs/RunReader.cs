using Ampora.Contracts;
using Ampora.Store;
using Ampora.Store.Model;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Runs;

/// <summary>Adds to runs who asked for them, with two queries for however many runs.</summary>
internal static class RunReader
{
    /// <summary>How many requests are listed for each run of a list; a flood of webhooks may end in one run.</summary>
    public const int TriggersInList = 1000;

    /// <summary>How many requests are listed for a run that is shown alone.</summary>
    public const int TriggersOfOne = 10_000;

    public static async Task<List<RunView>> ShowAsync(StoreContext context, IReadOnlyList<RunRow> runs, int maxTriggers, CancellationToken cancellationToken)
    {
        if (runs.Count == 0)
            return [];
        var ids = runs.Select(r => r.Id).ToList();
        var deliveries = await context.Deliveries
            .Where(d => d.RunId != null && ids.Contains(d.RunId))
            .GroupBy(d => d.RunId)
            .Select(g => new { RunId = g.Key!, First = g.OrderBy(d => d.Sequence).Take(maxTriggers).Select(d => new { d.Id, d.RemoteIp }).ToList() })
            .ToDictionaryAsync(g => g.RunId, g => g.First, cancellationToken);
        var requests = await context.CheckRequests
            .Where(r => r.RunId != null && ids.Contains(r.RunId))
            .GroupBy(r => r.RunId)
            .Select(g => new { RunId = g.Key!, First = g.OrderBy(r => r.Ask).Take(maxTriggers).Select(r => new { r.Id, r.Actor, r.DeliveryId }).ToList() })
            .ToDictionaryAsync(g => g.RunId, g => g.First, cancellationToken);

        return [.. runs.Select(run =>
        {
            var triggers = new List<RunTrigger>();
            if (deliveries.TryGetValue(run.Id, out var webhooks))
                triggers.AddRange(webhooks.Select(d => new RunTrigger("webhook", d.Id, null, d.RemoteIp)));
            if (requests.TryGetValue(run.Id, out var manual))
                triggers.AddRange(manual.Select(r => new RunTrigger("manual", r.DeliveryId, r.Id, r.Actor)));
            // A poll leaves no row of its own; it is named when it is all there was.
            if (run.Trigger == "poll" || triggers.Count == 0)
                triggers.Add(new RunTrigger("poll", null, null, null));
            return RunView.Of(run, triggers);
        })];
    }
}
