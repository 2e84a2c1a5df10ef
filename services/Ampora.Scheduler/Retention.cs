using System.Linq.Expressions;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Scheduler;

/// <summary>
/// Removes what is past its time, in transactions so small that nobody waits for them. What is to go is searched outside of them. One
/// replica at a time: two would only wait for each other's rows.
/// </summary>
internal sealed class Retention(Database<StoreContext> database, IOptions<RetentionSettings> settings)
{
    private const int Batch = 500;

    // Deliveries that wait for their check stay, for a run will name them; but a flood on a source that cannot be checked must end somewhere. Its wake-up stays.
    private const int PendingFactor = 10;

    // Events resume a browser's stream; nobody comes back to one after a week.
    private static readonly TimeSpan EventAge = TimeSpan.FromDays(7);

    // Names the lock among the database's advisory locks: "Ampora" in ASCII, and 1 for retention.
    private const long LockKey = 0x416D706F7261_0001;

    /// <summary>Removes all that is past its time now.</summary>
    /// <returns>How many rows.</returns>
    public async Task<(int Done, Exception? Failure)> RunAsync(CancellationToken cancellationToken)
    {
        DateTimeOffset now;
        await using (var context = database.Read())
            now = await SourceWakeups.NowAsync(context, cancellationToken);
        var removed = await RemoveEventsAsync(now - EventAge, cancellationToken)
            + await RemoveLedgersAsync(now - TimeSpan.FromDays(settings.Value.DeliveryDays), cancellationToken)
            + await RemoveRecordedAsync(now - TimeSpan.FromDays(settings.Value.RecordedMessageDays), cancellationToken)
            + await RemoveRunsAsync(now - TimeSpan.FromDays(settings.Value.RunDays), cancellationToken);
        return (removed, null);
    }

    /// <summary>Cuts the ledgers of busy sources down to what is kept of each; often, since a flood of webhooks writes thousands of rows a second.</summary>
    /// <returns>How many rows.</returns>
    public async Task<(int Done, Exception? Failure)> TrimLedgersAsync(CancellationToken cancellationToken)
    {
        List<string> overfull;
        await using (var context = database.Read())
        {
            overfull = await context.Deliveries
                .GroupBy(d => d.SourceId)
                .Where(g => g.Count() > settings.Value.DeliveriesPerSource)
                .Select(g => g.Key)
                .ToListAsync(cancellationToken);
        }

        var removed = 0;
        foreach (var sourceId in overfull)
            removed += await RemoveSurplusAsync(sourceId, cancellationToken);
        return (removed, null);
    }

    private Task<int> RemoveEventsAsync(DateTimeOffset before, CancellationToken cancellationToken) => RemoveAsync(
        context => context.Events.Where(e => e.OccurredAt < before).OrderBy(e => e.Sequence).Select(e => e.Sequence),
        (context, keys, token) => context.Events.Where(e => keys.Contains(e.Sequence)).ExecuteDeleteAsync(token),
        cancellationToken);

    private Task<int> RemoveRecordedAsync(DateTimeOffset before, CancellationToken cancellationToken) => RemoveAsync(
        context => context.Recorded.Where(r => r.RecordedAt < before).OrderBy(r => r.RecordedAt).Select(r => r.Id),
        (context, keys, token) => context.Recorded.Where(r => keys.Contains(r.Id)).ExecuteDeleteAsync(token),
        cancellationToken);

    private async Task<int> RemoveLedgersAsync(DateTimeOffset before, CancellationToken cancellationToken) =>
        await RemoveAsync(
            context => context.Deliveries.Where(d => d.ReceivedAt < before).OrderBy(d => d.Sequence).Select(d => d.Sequence),
            RemoveDeliveriesAsync,
            cancellationToken)
        + await RemoveAsync(
            context => context.TurnedAway.Where(t => t.ReceivedAt < before).OrderBy(t => t.Sequence).Select(t => t.Id),
            (context, keys, token) => context.TurnedAway.Where(t => keys.Contains(t.Id)).ExecuteDeleteAsync(token),
            cancellationToken)
        // What nobody judged in all that time, because no scheduler ran, tells nothing about webhooks any more.
        + await RemoveAsync(
            context => context.Unannounced.Where(u => u.FoundAt < before).OrderBy(u => u.FoundAt).Select(u => u.FoundAt),
            (context, keys, token) => context.Unannounced.Where(u => keys.Contains(u.FoundAt)).ExecuteDeleteAsync(token),
            cancellationToken)
        + await RemoveAsync(
            context => context.CheckRequests.Where(r => r.RequestedAt < before).OrderBy(r => r.Id).Select(r => r.Id),
            (context, keys, token) => context.CheckRequests.Where(r => keys.Contains(r.Id)).ExecuteDeleteAsync(token),
            cancellationToken);

    // A run that Audit has not recorded yet stays, and so does the one that a failing source points at.
    private Task<int> RemoveRunsAsync(DateTimeOffset before, CancellationToken cancellationToken) => RemoveAsync(
        context => context.Runs
            .Where(r => r.CompletedAt < before && r.AuditId != null && !context.Wakeups.Any(w => w.FailureRunId == r.Id))
            .OrderBy(r => r.Id)
            .Select(r => r.Id),
        (context, keys, token) => context.Runs.Where(r => keys.Contains(r.Id)).ExecuteDeleteAsync(token),
        cancellationToken);

    private async Task<int> RemoveSurplusAsync(string sourceId, CancellationToken cancellationToken) =>
        await RemoveSurplusAsync(d => d.SourceId == sourceId && d.Result != "pending", settings.Value.DeliveriesPerSource, cancellationToken)
        + await RemoveSurplusAsync(d => d.SourceId == sourceId && d.Result == "pending", PendingFactor * settings.Value.DeliveriesPerSource, cancellationToken);

    private Task<int> RemoveSurplusAsync(Expression<Func<DeliveryRow, bool>> which, int kept, CancellationToken cancellationToken) => RemoveAsync(
        context => context.Deliveries.Where(which).OrderByDescending(d => d.Sequence).Skip(kept).Select(d => d.Sequence),
        RemoveDeliveriesAsync,
        cancellationToken);

    // By sequence: the id of a delivery is in the ledger of each source that it woke.
    private static Task<int> RemoveDeliveriesAsync(StoreContext context, List<long> sequences, CancellationToken cancellationToken) =>
        context.Deliveries.Where(d => sequences.Contains(d.Sequence)).ExecuteDeleteAsync(cancellationToken);

    private async Task<int> RemoveAsync<TKey>(
        Func<StoreContext, IQueryable<TKey>> find, Func<StoreContext, List<TKey>, CancellationToken, Task<int>> remove, CancellationToken cancellationToken)
    {
        var removed = 0;
        while (true)
        {
            List<TKey> keys;
            await using (var context = database.Read())
                keys = await find(context).Take(Batch).ToListAsync(cancellationToken);
            if (keys.Count == 0)
                return removed;

            var locked = await database.WriteAsync(
                async (context, token) => await TryLockAsync(context, token) && await remove(context, keys, token) >= 0, cancellationToken);
            if (!locked)
                return removed;
            removed += keys.Count;
        }
    }

    private static async Task<bool> TryLockAsync(StoreContext context, CancellationToken cancellationToken) =>
        !context.Database.IsNpgsql()
        || await context.Database.SqlQuery<bool>($"""SELECT pg_try_advisory_xact_lock({LockKey}) AS "Value" """).SingleAsync(cancellationToken);
}
