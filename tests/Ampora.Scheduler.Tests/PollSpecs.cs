using System.Collections.Concurrent;
using Ampora.Contracts;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Scheduler.Tests;

public sealed class PollSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_sources_that_share_an_interval_never_make_a_storm()
    {
        const int sources = 1000;
        const int interval = 60;
        using var file = new SqliteFile();
        var clock = new ManualClock();
        await using var scheduler = await SchedulerProcess.CreateAsync(file.ConnectionString, clock);
        await scheduler.CreateSourcesAsync(sources, interval);
        for (var i = 0; i < sources; i++)
            await scheduler.SweepAsync($"source-{i}");

        var checksOfTick = new List<int>();
        var lastCheck = new Dictionary<string, int>(StringComparer.Ordinal);

        await PassAsync(TimeSpan.FromSeconds(70));
        // Downtime: nobody asks, and everything is overdue.
        clock.Advance(TimeSpan.FromMinutes(10));
        await PassAsync(TimeSpan.FromSeconds(70));
        // The clock jumps, and nothing else happens.
        clock.JumpTo(clock.GetUtcNow() + TimeSpan.FromHours(1));
        await PassAsync(TimeSpan.FromSeconds(70));
        clock.JumpTo(clock.GetUtcNow() - TimeSpan.FromHours(1));
        await PassAsync(TimeSpan.FromSeconds(70));

        const int window = 5 * 4;
        const double allowed = 1.5 * sources / interval * 5;
        var worst = Enumerable.Range(0, checksOfTick.Count - window + 1).Max(i => checksOfTick.Skip(i).Take(window).Sum());
        Assert.True(worst <= allowed, $"{worst} checks within 5 s, and {allowed} are allowed");

        // Nobody was forgotten either: within an interval, its jitter and some catching up, each was checked.
        Assert.Equal(sources, lastCheck.Count);
        Assert.All(lastCheck, last => Assert.True(checksOfTick.Count - last.Value <= 70 * 4, $"{last.Key} was forgotten"));

        async Task PassAsync(TimeSpan time)
        {
            for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromMilliseconds(250))
            {
                clock.Advance(TimeSpan.FromMilliseconds(250));
                scheduler.Published.Forget();
                await scheduler.Protocol.PollAsync(250, Token);
                await scheduler.Protocol.ReconcileAsync(250, Token);
                var checks = 0;
                foreach (var sourceId in scheduler.Published.Woken)
                {
                    await scheduler.SweepAsync(sourceId, check: () =>
                    {
                        checks++;
                        lastCheck[sourceId] = checksOfTick.Count;
                    });
                }

                checksOfTick.Add(checks);
            }
        }
    }

    [Fact]
    public async Task Two_schedulers_share_the_polls_and_never_ask_the_same_one_twice()
    {
        const int sources = 300;
        const int interval = 5;
        var store = await postgres.CreateDatabaseAsync(Token);
        await using var first = await SchedulerProcess.CreateAsync(store);
        await using var second = await SchedulerProcess.CreateAsync(store);
        await first.CreateSourcesAsync(sources, interval);
        for (var i = 0; i < sources; i++)
            await first.SweepAsync($"source-{i}");
        await first.Database.WriteAsync(
            async (context, token) =>
            {
                var now = await SourceWakeups.NowAsync(context, token);
                await context.Wakeups.ExecuteUpdateAsync(w => w.SetProperty(x => x.NextPollAt, now), token);
            },
            Token);

        // Shorter than an interval with its jitter, so that no source is due twice. Each is checked as soon as it is woken.
        var polled = new ConcurrentQueue<string>();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(0.85 * interval));
        await Task.WhenAll(((SchedulerProcess[])[first, second, first, second]).Select(scheduler => Task.Run(
            async () =>
            {
                while (!end.IsCancellationRequested)
                {
                    await scheduler.Protocol.PollAsync(20, Token);
                    while (scheduler.Published.Take() is TipCheckRequested message)
                    {
                        polled.Enqueue(message.SourceId);
                        await scheduler.SweepAsync(message.SourceId);
                    }
                }
            },
            Token)));

        // One request was the first check's, and one is the poll's; to wake again for it is not to ask again.
        await using var context = first.Database.Read();
        var requests = await context.Wakeups.ToDictionaryAsync(w => w.SourceId, w => w.Wanted, Token);
        Assert.All(requests.Values, wanted => Assert.InRange(wanted, 1, 2));
        Assert.Equal(polled.Distinct().Order(), requests.Where(r => r.Value == 2).Select(r => r.Key).Order());
        Assert.InRange(polled.Distinct().Count(), sources / 2, sources);
    }
}
