using Ampora.Conformance;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Snapshots;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

/// <summary>The SQL store on a fresh database. On SQLite the clock is the test's; on PostgreSQL, time passes by ageing every stored time.</summary>
public sealed class SqlStoreUnderTest : StoreUnderTest
{
    private static readonly (string Table, string[] Times)[] Times =
    [
        ("wakeups",
        [
            "asked_at", "asked_since_claim_at", "lease_until", "not_before", "not_before_set_at", "retry_after_until", "next_poll_at", "woken_at",
            "tip_seen_at", "last_checked_at", "last_succeeded_at", "expected_until", "reread_at", "webhook_proved_at", "last_webhook_at", "skipped_at",
            "slow_until",
        ]),
        ("deliveries", ["received_at"]),
        ("unannounced", ["found_at"]),
        ("outbox", ["created_at", "next_attempt_at"]),
        ("poll_budget", ["computed_at"]),
    ];

    private readonly TestStore _store;
    private readonly ManualClock? _clock;
    private readonly PostgresClock? _postgresClock;
    private int _requests;

    private SqlStoreUnderTest(TestStore store, ManualClock? clock, WakeupPolicy? policy = null, PostgresClock? postgresClock = null)
    {
        _store = store;
        _clock = clock;
        _postgresClock = postgresClock;
        Policy = policy ?? Policy;
        Store = new SqlWakeupStore(store.Database, Policy);
    }

    public override IWakeupStore Store { get; }

    public static async Task<SqlStoreUnderTest> OpenAsync(PostgresServer postgres, DatabaseDialect dialect)
    {
        var clock = dialect == DatabaseDialect.Sqlite ? new ManualClock() : null;
        return new SqlStoreUnderTest(await TestStore.CreateAsync(postgres, dialect, clock), clock);
    }

    /// <summary>The same with a clock that stands still on PostgreSQL too, so that times are known exactly.</summary>
    public static async Task<SqlStoreUnderTest> OpenTimelessAsync(PostgresServer postgres, DatabaseDialect dialect, WakeupPolicy policy)
    {
        var clock = new ManualClock();
        if (dialect == DatabaseDialect.Sqlite)
            return new SqlStoreUnderTest(await TestStore.CreateAsync(postgres, dialect, clock), clock, policy);
        var postgresClock = await PostgresClock.CreateAsync(await postgres.CreateDatabaseAsync(), clock);
        return new SqlStoreUnderTest(await TestStore.CreateAsync(postgresClock.Address), clock, policy, postgresClock);
    }

    public override Task CreateAsync(string id, string host, TimeSpan interval, bool adaptive = false, string? remote = null, Guid? uid = null) => WriteAsync(async (context, token) =>
    {
        var now = await SourceWakeups.NowAsync(context, token);
        context.Sources.Add(new Source
        {
            Id = id,
            Uid = uid ?? Guid.NewGuid(),
            Url = remote ?? $"https://{host}/{id}.git",
            Ref = "main",
            PollIntervalSeconds = (int)interval.TotalSeconds,
            Polling = adaptive ? "adaptive" : "fixed",
            WebhookAuth = "token",
            Version = 1,
            CreatedAt = now,
            UpdatedAt = now,
        });
        await context.SaveChangesAsync(token);
        await SourceWakeups.CreateAsync(
            context, new NewWakeup(id, host, remote ?? $"https://{host}/{id}.git", (int)interval.TotalSeconds, Paused: false, adaptive), NewRequest(), "token:ops", token);
    });

    public override async Task StageAsync(Claim claim, string sha)
    {
        await using var context = _store.Database.Read();
        if (!await context.Sources.AnyAsync(s => s.Id == claim.SourceId))
            return;
        var snapshots = new SnapshotStore(_store.Database, new SnapshotTimes());
        var lookedAt = (await snapshots.FindMissingAsync(claim.SourceId, [], CancellationToken.None)).LookedAt;
        await snapshots.StageAsync(claim.SourceId, claim.Config, sha, new Manifest([]), lookedAt, CancellationToken.None);
    }

    public override Task RemoveSnapshotAsync(string id, string sha) =>
        WriteAsync((context, token) => context.Snapshots.Where(s => s.SourceId == id && s.Sha == sha).ExecuteDeleteAsync(token));

    public override Task GiveSecretAsync(string id) => WriteAsync(async (context, token) =>
    {
        context.WebhookSecrets.Add(new WebhookSecret
        {
            SourceId = id,
            Auth = "token",
            SecretHash = [1],
            CreatedAt = await SourceWakeups.NowAsync(context, token),
            PreviousAuth = "token",
            PreviousSecretHash = [2],
        });
        await context.SaveChangesAsync(token);
    });

    public override async Task<DateTimeOffset> NowAsync()
    {
        await using var context = _store.Database.Read();
        return await SourceWakeups.NowAsync(context, CancellationToken.None);
    }

    public override Task ChangeSettingsAsync(string id) => WriteAsync(async (context, token) =>
    {
        var row = await context.Wakeups.SingleAsync(w => w.SourceId == id, token);
        await SourceWakeups.ChangeSettingsAsync(context, id, row.Host, row.Remote, NewRequest(), "token:ops", token);
    });

    public override Task PauseAsync(string id) => WriteAsync((context, token) => SourceWakeups.PauseAsync(context, id, token));

    public override Task ResumeAsync(string id) => WriteAsync((context, token) => SourceWakeups.ResumeAsync(context, id, NewRequest(), "token:ops", token));

    public override Task ChangeSecretsAsync(string id) => WriteAsync((context, token) => SourceWakeups.ChangeSecretsAsync(context, id, token));

    // The wake-up row first, as the Console does.
    public override Task DeleteAsync(string id) => WriteAsync(async (context, token) =>
    {
        if (context is not SqliteStoreContext)
            await context.Database.ExecuteSqlAsync($"SELECT 1 FROM wakeups WHERE source_id = {id} FOR UPDATE", token);
        await context.Sources.Where(s => s.Id == id).ExecuteDeleteAsync(token);
    });

    public override Task PassAsync(TimeSpan time)
    {
        if (_clock is null)
            return AgeAsync(time);
        _clock.Advance(time);
        return _postgresClock?.SetAsync() ?? Task.CompletedTask;
    }

    public override Task JumpBackAsync(TimeSpan time)
    {
        if (_clock is null)
            return AgeAsync(-time);
        _clock.JumpTo(_clock.GetUtcNow() - time);
        return _postgresClock?.SetAsync() ?? Task.CompletedTask;
    }

    public override async Task<WakeupView> ReadAsync(string id)
    {
        await using var context = _store.Database.Read();
        var row = await context.Wakeups.SingleAsync(w => w.SourceId == id);
        var now = await SourceWakeups.NowAsync(context, CancellationToken.None);
        return new(row.Wanted, row.Done, row.Fence, row.Config, row.Failures, row.TipSha, row.WaitingForHost, row.NextPollAt - now);
    }

    public override async Task<TipView> ReadTipAsync(string id)
    {
        await using var context = _store.Database.Read();
        var row = await context.Wakeups.SingleAsync(w => w.SourceId == id);
        Assert.Equal(row.SkippedTotal > 0, row.SkippedAt is not null);
        return new(row.TipSha, row.TipConfig, row.TipRef, row.MovedTo, row.SkippedSha, row.SkippedPreviousSha, row.SkippedTotal);
    }

    public override async Task<int> CountSkippedEventsAsync(string id)
    {
        await using var context = _store.Database.Read();
        return await context.Events.CountAsync(e => e.SourceId == id && e.Kind == "source" && e.Change == "skipped");
    }

    public override async Task<WebhookView> ReadWebhookAsync(string id)
    {
        await using var context = _store.Database.Read();
        var row = await context.Wakeups.SingleAsync(w => w.SourceId == id);
        var secret = await context.WebhookSecrets.SingleOrDefaultAsync(s => s.SourceId == id);
        return new(
            TimeSpan.FromSeconds(row.PollIntervalSeconds), row.MissedInRow, row.MissedTotal, secret?.UsedAt is not null, secret?.PreviousUsedAt is not null);
    }

    public override async Task<IReadOnlyList<DeliveryView>> ReadDeliveriesAsync(string id)
    {
        await using var context = _store.Database.Read();
        return await context.Deliveries.Where(d => d.SourceId == id).OrderBy(d => d.Sequence)
            .Select(d => new DeliveryView(d.Id, d.Verdict, d.Reason, d.Ask, d.Result, d.RunId, d.ReplayOf)).ToListAsync();
    }

    public override async Task<IReadOnlyList<RequestView>> ReadRequestsAsync(string id)
    {
        await using var context = _store.Database.Read();
        return await context.CheckRequests.Where(r => r.SourceId == id).OrderBy(r => r.Ask)
            .Select(r => new RequestView(r.Id, r.Ask, r.RunId)).ToListAsync();
    }

    public override async Task<IReadOnlyList<string>> ReadRunsAsync(string id)
    {
        await using var context = _store.Database.Read();
        return await context.Runs.Where(r => r.SourceId == id).OrderBy(r => r.Sequence).Select(r => r.Id).ToListAsync();
    }

    public override async Task<IReadOnlyList<string>> ReadSweepsAsync(string id)
    {
        await using var context = _store.Database.Read();
        return await context.Sweeps.Where(s => s.SourceId == id).Select(s => s.Sha).ToListAsync();
    }

    public override async Task<IReadOnlyList<Guid>> ReadOutboxAsync()
    {
        await using var context = _store.Database.Read();
        return await context.Outbox.Select(o => o.Id).ToListAsync();
    }

    public override async Task<long?> ReadAuditIdAsync(string runId)
    {
        await using var context = _store.Database.Read();
        return await context.Runs.Where(r => r.Id == runId).Select(r => r.AuditId).SingleAsync();
    }

    public override ValueTask DisposeAsync() => _store.DisposeAsync();

    /// <summary>Reads what the suite does not look at.</summary>
    public async Task<T> ReadContextAsync<T>(Func<StoreContext, Task<T>> read)
    {
        await using var context = _store.Database.Read();
        return await read(context);
    }

    public Task WriteAsync(Func<StoreContext, CancellationToken, Task> work) => _store.Database.WriteAsync(work, CancellationToken.None);

    private string NewRequest() => $"req_{++_requests}_{Guid.NewGuid():n}";

    private Task AgeAsync(TimeSpan by) => WriteAsync(async (context, token) =>
    {
        // In the order of ids, as everything that runs beside it: all rows at once in any other would wait in a circle with them.
        await context.Database.ExecuteSqlRawAsync("SELECT 1 FROM wakeups ORDER BY source_id FOR UPDATE", token);
        foreach (var (table, times) in Times)
        {
            var sql = $"UPDATE {table} SET {string.Join(", ", times.Select(time => $"{time} = {time} - @by"))}";
            await context.Database.ExecuteSqlRawAsync(sql, [new Npgsql.NpgsqlParameter("by", by)], token);
        }
    });
}
