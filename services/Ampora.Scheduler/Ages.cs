using Ampora.Database;
using Ampora.Hosting.Telemetry;
using Ampora.Store;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Scheduler;

/// <summary>Measures what waits for too long when something is wrong: the two gauges that an operator sets an alarm on.</summary>
internal sealed class Ages(Database<StoreContext> database)
{
    /// <summary>Measures both and sets the gauges; zero when nothing waits.</summary>
    public async Task<(int Done, Exception? Failure)> MeasureAsync(CancellationToken cancellationToken)
    {
        var (wakeup, outbox) = await ReadAsync(cancellationToken);
        AmporaMetrics.OldestWakeupAge.Record(wakeup.TotalSeconds);
        AmporaMetrics.OutboxAge.Record(outbox.TotalSeconds);
        return (0, null);
    }

    /// <summary>Reads the age of the oldest wake-up that could be checked now, and of the oldest outbox message.</summary>
    public async Task<(TimeSpan Wakeup, TimeSpan Outbox)> ReadAsync(CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var now = await SourceWakeups.NowAsync(context, cancellationToken);
        var wakeup = await context.Wakeups
            .Where(w => w.Wanted > w.Done && !w.Paused)
            .Where(w => (w.NotBefore == null || w.NotBefore <= now) && (w.LeaseUntil == null || w.LeaseUntil <= now))
            // One that was held back, for a host that lags or fails, waits for a sweeper only since then.
            .MinAsync(w => w.NotBefore > w.AskedAt ? w.NotBefore : w.AskedAt, cancellationToken);
        var outbox = await context.Outbox.MinAsync(o => (DateTimeOffset?)o.CreatedAt, cancellationToken);
        return (Age(wakeup, now), Age(outbox, now));
    }

    private static TimeSpan Age(DateTimeOffset? since, DateTimeOffset now) => since < now ? now - since.Value : TimeSpan.Zero;
}
