using Ampora.Database;
using Ampora.Store;
using Ampora.Wakeups;

namespace Ampora.Scheduler;

/// <summary>
/// The scheduler's work, each kind in a loop of its own, so that one that is slow or fails holds up no other. Any number of replicas run
/// them together: the store hands each piece of work to one of them.
/// </summary>
internal sealed class SchedulerLoops(
    Database<StoreContext> database, WakeupProtocol protocol, RestoredStore restored, MissedWebhooks missed, Ages ages, Retention retention, SnapshotRetention snapshots,
    TimeProvider time, ILogger<SchedulerLoops> logger)
    : BackgroundService
{
    // A wake-up that nobody told a sweeper of waits for at most one of these; an idle turn is one indexed query.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    // What was found a grace period ago, which is minutes, may wait for this too.
    private static readonly TimeSpan JudgeEvery = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan AgesEvery = TimeSpan.FromSeconds(5);

    // A flood fills ledgers by thousands of rows a second: what it leaves between two turns is a minute's.
    private static readonly TimeSpan TrimEvery = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan RetentionEvery = TimeSpan.FromHours(1);

    // So many in one turn that a thousand sources a second are no backlog, and so few that a transaction stays in milliseconds.
    private const int Batch = 250;

    private readonly Loop[] _loops =
    [
        new("restoration", RestoredStore.LookEvery, int.MaxValue, restored.LookAsync, time, logger),
        new("polls", Tick, Batch, token => protocol.PollAsync(Batch, token), time, logger),
        new("reconciliation", Tick, Batch, token => protocol.ReconcileAsync(Batch, token), time, logger),
        new("outbox relay", Tick, Batch, token => protocol.RelayAsync(Batch, token), time, logger),
        new("missed webhooks", JudgeEvery, MissedWebhooks.Batch, missed.JudgeAsync, time, logger),
        new("ages", AgesEvery, int.MaxValue, ages.MeasureAsync, time, logger),
        new("ledgers", TrimEvery, int.MaxValue, retention.TrimLedgersAsync, time, logger),
        new("retention", RetentionEvery, int.MaxValue, retention.RunAsync, time, logger),
        new("snapshot retention", RetentionEvery, int.MaxValue, snapshots.RunAsync, time, logger),
    ];

    /// <summary>The loops whose last turn failed.</summary>
    public IReadOnlyList<string> Failing => [.. _loops.Where(l => l.Failing).Select(l => l.Name)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.WaitUntilMigratedAsync(stoppingToken);
        await Task.WhenAll(_loops.Select(loop => loop.RunAsync(stoppingToken)));
    }
}
