using Ampora.Console.Http;
using Ampora.Store.Model;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Deliveries;

/// <summary>
/// Reads the ledger, newest first: what sources were woken by or ignored, and what was turned away, which is kept apart so that refusals push nothing out. Both
/// are numbered from one sequence, in commit order, so that a page is the first of both and its last number is where the next begins. Of refusals that are
/// counted together the place is that of the latest: when another comes while somebody pages, it is among the new ones.
/// </summary>
internal static class DeliveryReader
{
    private const string Accepted = "accepted";
    private const string Ignored = "ignored";
    private const string Refused = "refused";

    private static readonly string[] Verdicts = [Accepted, Ignored, Refused];

    /// <summary>Reads a page.</summary>
    /// <param name="list">Which list it is, for the cursor.</param>
    /// <param name="page">Which page.</param>
    /// <param name="verdict">Only this verdict; null or empty for all.</param>
    /// <param name="deliveries">Of the sources that the list is about.</param>
    /// <param name="turnedAway">What was turned away from them.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<PageOf<DeliveryView>> ReadAsync(
        string list, PageQuery page, string? verdict, IQueryable<DeliveryRow> deliveries, IQueryable<TurnedAwayRow> turnedAway, CancellationToken cancellationToken)
    {
        if (!string.IsNullOrEmpty(verdict))
        {
            if (!Verdicts.Contains(verdict))
                throw RequestRefusedException.BadQuery("verdict", $"should be one of {string.Join(", ", Verdicts)}.");
            deliveries = deliveries.Where(d => d.Verdict == verdict);
            turnedAway = turnedAway.Where(t => t.Verdict == verdict);
        }

        if (page.ReadNumberCursor(list) is { } before)
        {
            deliveries = deliveries.Where(d => d.Sequence < before);
            turnedAway = turnedAway.Where(t => t.Sequence < before);
        }

        var limit = page.ReadLimit() + 1;
        var read = new List<DeliveryView>();
        if (verdict != Accepted)
            read.AddRange((await turnedAway.AsNoTracking().OrderByDescending(t => t.Sequence).Take(limit).ToListAsync(cancellationToken)).Select(DeliveryView.Of));
        if (verdict != Refused)
            read.AddRange((await deliveries.AsNoTracking().OrderByDescending(d => d.Sequence).Take(limit).ToListAsync(cancellationToken)).Select(DeliveryView.Of));
        var (rows, next) = page.Cut(list, [.. read.OrderByDescending(d => d.Sequence).Take(limit)], d => PageQuery.Number(d.Sequence));
        return new PageOf<DeliveryView>(rows, next);
    }
}
