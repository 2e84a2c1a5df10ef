using System.Collections.Concurrent;
using Ampora.Contracts;
using Ampora.TestServers;
using Ampora.Wakeups;
using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Ampora.Scheduler.Tests;

public sealed class RecoverySpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wakeup_that_nobody_was_told_of_is_told_again_within_five_seconds(bool onPostgres)
    {
        using var file = new SqliteFile();
        await using var scheduler = await SchedulerProcess.CreateAsync(onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString);
        await scheduler.StartAsync();
        var started = TimeProvider.System.GetTimestamp();
        await scheduler.CreateSourcesAsync(1, 3600);

        await SchedulerProcess.UntilAsync(() => Task.FromResult(scheduler.Published.Woken.Contains("source-0")), "nobody was woken");
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(5));

        // And again as long as nobody comes, but not at every tick.
        await Task.Delay(TimeSpan.FromSeconds(2.5), Token);
        var woken = scheduler.Published.Woken.Count;
        Assert.InRange(woken, 2, TimeProvider.System.GetElapsedTime(started).TotalSeconds + 2);

        await scheduler.SweepAsync("source-0");
        // A turn that had begun may still tell of it.
        await Task.Delay(TimeSpan.FromSeconds(1), Token);
        scheduler.Published.Forget();
        await Task.Delay(TimeSpan.FromSeconds(1.5), Token);
        Assert.Empty(scheduler.Published.Woken);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_outbox_message_is_relayed_until_it_is_acknowledged_and_leaves_only_then(bool onPostgres)
    {
        using var file = new SqliteFile();
        var audit = new DeafAudit();
        await using var scheduler = await SchedulerProcess.CreateAsync(
            onPostgres ? await postgres.CreateDatabaseAsync(Token) : file.ConnectionString,
            policy: new WakeupPolicy { RelayAfter = TimeSpan.FromMilliseconds(500), MaxRelayDelay = TimeSpan.FromSeconds(1) },
            consumers: bus =>
            {
                bus.AddSingleton(audit);
                bus.AddConsumer<DeafAudit>();
            });
        await scheduler.StartAsync();
        await scheduler.CreateSourcesAsync(1, 3600);
        await scheduler.SweepAsync("source-0", new CheckResult.Failed { Error = new RunError("unreachable", "no route", "make one") });

        // Heard three times: once from the writer, and from the relay.
        await SchedulerProcess.UntilAsync(() => Task.FromResult(audit.Heard.Count >= 3), "the relay does not repeat");
        Assert.Single(audit.Heard.Select(m => m.MessageId).Distinct());
        await using (var context = scheduler.Database.Read())
        {
            Assert.Equal(1, await context.Outbox.CountAsync(Token));
            Assert.Null((await context.Runs.SingleAsync(Token)).AuditId);
        }

        audit.Answers = true;
        await SchedulerProcess.UntilAsync(
            async () =>
            {
                await using var context = scheduler.Database.Read();
                return !await context.Outbox.AnyAsync(Token);
            },
            "the acknowledged message is still in the outbox");
        await using (var context = scheduler.Database.Read())
            Assert.Equal(7, (await context.Runs.SingleAsync(Token)).AuditId);

        // What the relay had taken before may still arrive.
        await Task.Delay(TimeSpan.FromSeconds(1), Token);
        var heard = audit.Heard.Count;
        await Task.Delay(TimeSpan.FromSeconds(2), Token);
        Assert.Equal(heard, audit.Heard.Count);
    }

    [Fact]
    public async Task The_loops_go_on_when_the_database_was_away()
    {
        var store = await postgres.CreateDatabaseAsync(Token);
        await using var scheduler = await SchedulerProcess.CreateAsync(store);
        await scheduler.StartAsync();
        await SetAwayAsync(store, away: true);
        await SchedulerProcess.UntilAsync(
            () => Task.FromResult(Quick().Count() == 3), "the loops did not notice that the database is away");

        await SetAwayAsync(store, away: false);
        NpgsqlConnection.ClearAllPools();
        await SchedulerProcess.UntilAsync(() => Task.FromResult(!Quick().Any()), "the loops did not recover");
        await scheduler.CreateSourcesAsync(1, 3600);
        await SchedulerProcess.UntilAsync(() => Task.FromResult(scheduler.Published.Woken.Contains("source-0")), "nobody was woken");

        // The others have their turn every few seconds or hours.
        IEnumerable<string> Quick() => scheduler.Loops.Failing.Intersect(["polls", "reconciliation", "outbox relay"]);
    }

    private static async Task SetAwayAsync(string store, bool away)
    {
        var address = new NpgsqlConnectionStringBuilder(store);
        var name = address.Database;
        address.Database = "postgres";
        address.Pooling = false;
        await using var connection = new NpgsqlConnection(address.ToString());
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(
            $"ALTER DATABASE {name} ALLOW_CONNECTIONS {!away}; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND {away}", connection);
        await command.ExecuteNonQueryAsync(Token);
    }
}

/// <summary>An Audit that hears everything, and acknowledges when it is told to.</summary>
public sealed class DeafAudit : IConsumer<SyncRunCompleted>
{
    public ConcurrentQueue<(Guid? MessageId, string RunId)> Heard { get; } = new();

    public bool Answers { get; set; }

    public Task Consume(ConsumeContext<SyncRunCompleted> context)
    {
        Heard.Enqueue((context.MessageId, context.Message.RunId));
        return Answers
            ? context.Publish(new AuditEntryCommitted { RecordedMessageId = context.MessageId!.Value, AuditId = 7, RunId = context.Message.RunId })
            : Task.CompletedTask;
    }
}
