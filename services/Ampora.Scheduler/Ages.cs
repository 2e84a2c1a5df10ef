using Ampora.Database;
using Ampora.Hosting.Telemetry;
using Ampora.Store;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Scheduler;

/// <summary>Measures how much waits, and for how long: the gauges that an operator sets an alarm on.</summary>
internal sealed class Ages(Database<StoreContext> database)
{
    /// <summary>Measures all and sets the gauges; zero when nothing waits.</summary>
    public async Task<(int Done, Exception? Failure)> MeasureAsync(CancellationToken cancellationToken)
    {
        var (wakeups, messages) = await ReadAsync(cancellationToken);
        AmporaMetrics.OldestWakeupAge.Record(wakeups.Oldest.TotalSeconds);
        AmporaMetrics.WakeupsWaiting.Record(wakeups.Count);
        AmporaMetrics.OutboxAge.Record(messages.Oldest.TotalSeconds);
        AmporaMetrics.OutboxWaiting.Record(messages.Count);
        return (0, null);
    }

    /// <summary>Reads how many wake-ups could be checked now, how many outbox messages are not acknowledged, and the age of the oldest of each.</summary>
    public async Task<(Waiting Wakeups, Waiting Messages)> ReadAsync(CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var now = await SourceWakeups.NowAsync(context, cancellationToken);
        var wakeups = context.Wakeups
            .Where(w => w.Wanted > w.Done && !w.Paused)
            .Where(w => (w.NotBefore == null || w.NotBefore <= now) && (w.LeaseUntil == null || w.LeaseUntil <= now))
            // One that was held back, for a host that lags or fails, waits for a sweeper only since then.
            .Select(w => w.NotBefore > w.AskedAt ? w.NotBefore : w.AskedAt);
        var messages = context.Outbox.Select(o => (DateTimeOffset?)o.CreatedAt);
        return (await ReadAsync(wakeups, now, cancellationToken), await ReadAsync(messages, now, cancellationToken));
    }

    private static async Task<Waiting> ReadAsync(IQueryable<DateTimeOffset?> since, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var read = await since.GroupBy(_ => 1).Select(g => new { Count = g.LongCount(), Oldest = g.Min() }).SingleOrDefaultAsync(cancellationToken);
        return new Waiting(read?.Count ?? 0, read?.Oldest is { } oldest && oldest < now ? now - oldest : TimeSpan.Zero);
    }

    /// <summary>What waits for one thing.</summary>
    /// <param name="Count">How many.</param>
    /// <param name="Oldest">For how long the oldest of them has waited; zero when there is none.</param>
    internal readonly record struct Waiting(long Count, TimeSpan Oldest);
}
