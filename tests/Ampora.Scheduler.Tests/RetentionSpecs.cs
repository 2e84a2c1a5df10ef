using Ampora.Contracts;
using Ampora.Store.Model;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Scheduler.Tests;

public sealed class RetentionSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_past_its_time_goes_and_the_rest_stays(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        await scheduler.CreateSourcesAsync(2, 3600);
        var now = TimeProvider.System.GetUtcNow();
        await scheduler.Database.WriteAsync(
            async (context, token) =>
            {
                context.Deliveries.AddRange(
                [
                    Delivery("old", 1, now.AddDays(-31), "unchanged"),
                    .. Enumerable.Range(2, 15).Select(i => Delivery($"kept-{i:d2}", i, now, i == 2 ? "pending" : "run")),
                    // The same delivery woke another source too, which keeps it.
                    Delivery("kept-03", 20, now, "run", "source-1"),
                ]);
                context.TurnedAway.AddRange(TurnedAway("old", 17, now.AddDays(-31)), TurnedAway("young", 18, now.AddDays(-29)));
                context.Unannounced.AddRange(Found("old", now.AddDays(-31)), Found("young", now.AddDays(-1)));
                context.CheckRequests.Add(Request("old", now.AddDays(-31)));
                context.CheckRequests.Add(Request("new", now.AddDays(-29)));
                context.Runs.AddRange(
                    Run("recorded", 1, now.AddDays(-91), 1), Run("unrecorded", 2, now.AddDays(-91), null), Run("failing", 3, now.AddDays(-91), 3), Run("young", 4, now.AddDays(-89), 4));
                context.Events.AddRange(Event(1_000_001, now.AddDays(-8)), Event(1_000_002, now.AddDays(-6)));
                await context.SaveChangesAsync(token);
                await context.Wakeups.Where(w => w.SourceId == "source-1").ExecuteUpdateAsync(w => w.SetProperty(x => x.FailureRunId, "failing"), token);
            },
            Token);

        await scheduler.Retention.RunAsync(Token);
        await scheduler.Retention.TrimLedgersAsync(Token);

        await using var read = scheduler.Database.Read();
        // Ten are kept, and the pending one, which a run will name.
        Assert.Equal(["kept-02", .. Enumerable.Range(7, 10).Select(i => $"kept-{i:d2}")], await read.Deliveries.Where(d => d.SourceId == "source-0").OrderBy(d => d.Id).Select(d => d.Id).ToListAsync(Token));
        Assert.Equal(["kept-03"], await read.Deliveries.Where(d => d.SourceId == "source-1").Select(d => d.Id).ToListAsync(Token));
        Assert.Equal(["young"], await read.TurnedAway.Select(t => t.Id).ToListAsync(Token));
        Assert.Equal(["young"], await read.Unannounced.Select(u => u.Sha).ToListAsync(Token));
        Assert.Equal(["new"], await read.CheckRequests.Where(r => !r.Id.StartsWith("req_")).Select(r => r.Id).ToListAsync(Token));
        Assert.Equal(["failing", "unrecorded", "young"], await read.Runs.OrderBy(r => r.Id).Select(r => r.Id).ToListAsync(Token));
        Assert.Equal([1_000_002], await read.Events.Where(e => e.Sequence > 1_000_000).Select(e => e.Sequence).ToListAsync(Token));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_ages_are_those_of_the_oldest_that_waits(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        Assert.Equal((default, default), await scheduler.Ages.ReadAsync(Token));

        await scheduler.CreateSourcesAsync(2, 3600);
        await Task.Delay(TimeSpan.FromMilliseconds(200), Token);
        var (wakeup, outbox) = await scheduler.Ages.ReadAsync(Token);
        Assert.InRange(wakeup.Oldest, TimeSpan.FromMilliseconds(150), TimeSpan.FromMinutes(1));
        Assert.Equal(2, wakeup.Count);
        Assert.Equal(default, outbox);

        // One is done; the other backs off, so it does not wait for anybody, but its failed run has not been recorded.
        await scheduler.SweepAsync("source-0");
        await scheduler.SweepAsync("source-1", new CheckResult.Failed { Error = new RunError("unreachable", "no route", "make one") });
        await Task.Delay(TimeSpan.FromMilliseconds(200), Token);
        (wakeup, outbox) = await scheduler.Ages.ReadAsync(Token);
        Assert.Equal(default, wakeup);
        Assert.InRange(outbox.Oldest, TimeSpan.FromMilliseconds(150), TimeSpan.FromMinutes(1));
        Assert.InRange(outbox.Count, 1, 3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_flood_on_a_source_that_cannot_be_checked_does_not_fill_its_ledger_without_end(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        await scheduler.CreateSourcesAsync(1, 3600);
        var now = TimeProvider.System.GetUtcNow();
        await scheduler.Database.WriteAsync(
            async (context, token) =>
            {
                context.Deliveries.AddRange(Enumerable.Range(1, 130).Select(i => Delivery($"flood-{i:d3}", i, now, "pending")));
                await context.SaveChangesAsync(token);
            },
            Token);

        await scheduler.Retention.TrimLedgersAsync(Token);

        // Ten are kept of what is settled, and ten times as many, the newest, of what waits.
        await using var read = scheduler.Database.Read();
        Assert.Equal(Enumerable.Range(31, 100).Select(i => $"flood-{i:d3}"), await read.Deliveries.OrderBy(d => d.Id).Select(d => d.Id).ToListAsync(Token));
    }

    private static TurnedAwayRow TurnedAway(string id, long sequence, DateTimeOffset at) => new()
    {
        Id = id,
        Kind = id,
        Sequence = sequence,
        FirstAt = at,
        ReceivedAt = at,
        Provider = "github",
        Verdict = "refused",
        Reason = "signature_mismatch",
        Count = 1,
    };

    private static UnannouncedRow Found(string sha, DateTimeOffset at) => new() { SourceId = "source-0", Sha = sha, FoundAt = at, RunId = "run" };

    private static DeliveryRow Delivery(string id, long sequence, DateTimeOffset at, string result, string sourceId = "source-0") => new()
    {
        Id = id,
        Sequence = sequence,
        SourceId = sourceId,
        ReceivedAt = at,
        Provider = "token",
        Verdict = "accepted",
        Ask = sequence,
        Result = result,
    };

    private static CheckRequest Request(string id, DateTimeOffset at) => new() { Id = id, SourceId = "source-0", Actor = "test", RequestedAt = at, Ask = 1 };

    private static EventRow Event(long sequence, DateTimeOffset at) =>
        new() { Sequence = sequence, Kind = "source", SourceId = "source-0", Change = "changed", OccurredAt = at };

    private static RunRow Run(string id, long sequence, DateTimeOffset at, long? auditId) => new()
    {
        Id = id,
        Sequence = sequence,
        SourceId = "source-1",
        Trigger = "poll",
        Outcome = "succeeded",
        Ref = "main",
        ChangesJson = "[]",
        RequestedAt = at,
        StartedAt = at,
        CompletedAt = at,
        AuditId = auditId,
    };
}
