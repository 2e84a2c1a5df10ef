using System.Diagnostics.Metrics;
using Ampora.Hosting.Telemetry;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Scheduler.Tests;

public sealed class MissedWebhookSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_commit_that_no_webhook_announced_is_counted_on_its_source_and_in_the_metric(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        await scheduler.CreateSourcesAsync(2, 3600);
        var now = await NowAsync(scheduler);
        await scheduler.Protocol.AskAsync([Announcing("source-1", "b", now.AddSeconds(-100))], Token);
        await scheduler.Database.WriteAsync(
            async (context, token) =>
            {
                context.Unannounced.AddRange(
                    Found("source-0", "b", now.AddSeconds(-90)), Found("source-1", "b", now.AddSeconds(-90)), Found("source-0", "c", now.AddSeconds(-5)));
                await context.SaveChangesAsync(token);
            },
            Token);
        var counted = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, meters) =>
        {
            if (ReferenceEquals(instrument, AmporaMetrics.MissedWebhooks))
                meters.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, measurement, _, _) => Interlocked.Add(ref counted, measurement));
        listener.Start();

        await scheduler.StartAsync();
        await SchedulerProcess.UntilAsync(
            async () =>
            {
                await using var context = scheduler.Database.Read();
                return await context.Unannounced.CountAsync(Token) == 1;
            },
            "what could be judged was not");

        await using var read = scheduler.Database.Read();
        Assert.Equal("c", (await read.Unannounced.SingleAsync(Token)).Sha);
        Assert.Equal(
            [(1, 1L), (0, 0L)],
            (await read.Wakeups.OrderBy(w => w.SourceId).ToListAsync(Token)).Select(w => (w.MissedInRow, w.MissedTotal)));
        Assert.Equal(["source-0"], await read.Events.Where(e => e.Change == "health").Select(e => e.SourceId).ToListAsync(Token));
        await SchedulerProcess.UntilAsync(() => Task.FromResult(Interlocked.Read(ref counted) >= 1), "the miss was not counted");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_tip_that_its_host_does_not_show_yet_is_woken_again_every_two_seconds(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        await scheduler.CreateSourcesAsync(1, 3600);
        var first = new string('a', 40);
        await scheduler.SweepAsync("source-0");
        await scheduler.Protocol.AskAsync([Announcing("source-0", new string('b', 40), await NowAsync(scheduler))], Token);
        var checks = new List<long>();
        Task SweepAsync() => scheduler.SweepAsync("source-0", new CheckResult.Unchanged { Sha = first, RefName = "refs/heads/main" }, () => checks.Add(TimeProvider.System.GetTimestamp()));
        await SweepAsync();
        await scheduler.StartAsync();
        var seen = 0;
        await SchedulerProcess.UntilAsync(
            async () =>
            {
                if (scheduler.Published.Woken.Count > seen)
                {
                    seen = scheduler.Published.Woken.Count;
                    await SweepAsync();
                }

                return checks.Count == 4;
            },
            "a check that was postponed was not woken again");
        // Never sooner than the policy says; how much later depends on this machine.
        Assert.All(checks.Zip(checks.Skip(1)), pair => Assert.True(TimeProvider.System.GetElapsedTime(pair.First, pair.Second) > TimeSpan.FromSeconds(1.9)));
        await using var read = scheduler.Database.Read();
        Assert.Equal("pending", (await read.Deliveries.SingleAsync(Token)).Result);
    }

    private static async Task<DateTimeOffset> NowAsync(SchedulerProcess scheduler)
    {
        await using var context = scheduler.Database.Read();
        return await SourceWakeups.NowAsync(context, Token);
    }

    private static WebhookAsk Announcing(string sourceId, string sha, DateTimeOffset at) =>
        new(sourceId, 1, new Delivery($"dlv_{sourceId}", at, "github", "push", "192.0.2.1", "current", AnnouncedSha: sha));

    private static UnannouncedRow Found(string sourceId, string sha, DateTimeOffset at) => new() { SourceId = sourceId, Sha = sha, FoundAt = at, RunId = "run_1" };
}
