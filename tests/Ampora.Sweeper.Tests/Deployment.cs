using Ampora.Database;
using Ampora.Git.Credentials;
using Ampora.Hosting;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Secrets;
using Ampora.Store.Snapshots;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ampora.Sweeper.Tests;

/// <summary>
/// Whole sweepers in this process, as <see cref="ServiceHost"/> composes them, over a real store, bus and Git host. In the place of the
/// Scheduler, each reconciles in a loop; polls are asked for where a test says so.
/// </summary>
public sealed class Deployment : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SqliteFile? _file;
    private readonly string _store;
    private readonly string? _broker;
    private readonly WakeupPolicy _policy;
    private readonly string? _tipDeadline;
    private readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("ampora-sweeper-");
    private readonly List<WebApplication> _sweepers = [];
    private int _deliveries;

    private Deployment(GitHttpServer git, SqliteFile? file, string store, string? broker, WakeupPolicy policy, string? tipDeadline)
    {
        _tipDeadline = tipDeadline;
        Git = git;
        _file = file;
        _store = store;
        _broker = broker;
        _policy = policy;
    }

    public GitHttpServer Git { get; }

    public WebApplication First => _sweepers[0];

    public Database<StoreContext> Database => First.Services.GetRequiredService<Database<StoreContext>>();

    public WakeupProtocol Protocol => First.Services.GetRequiredService<WakeupProtocol>();

    public SnapshotStore Snapshots => First.Services.GetRequiredService<SnapshotStore>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Starts sweepers on one store.</summary>
    /// <param name="postgres">Where the store is; null for SQLite.</param>
    /// <param name="sweepers">How many.</param>
    /// <param name="broker">The address of RabbitMQ; null for the bus in memory.</param>
    /// <param name="policy">Times of the protocol, where the design's take too long for a test.</param>
    /// <param name="tipDeadline">How long a host may hang, where no check may end by that.</param>
    public static async Task<Deployment> StartAsync(
        PostgresServer? postgres = null, int sweepers = 1, string? broker = null, WakeupPolicy? policy = null, string? tipDeadline = null)
    {
        var file = postgres is null ? new SqliteFile() : null;
        var store = file?.ConnectionString ?? await postgres!.CreateDatabaseAsync(Token);
        var deployment = new Deployment(await GitHttpServer.StartAsync(), file, store, broker, policy ?? new WakeupPolicy(), tipDeadline);
        for (var i = 0; i < sweepers; i++)
            await deployment.AddSweeperAsync();
        return deployment;
    }

    public async Task<WebApplication> AddSweeperAsync()
    {
        var app = ServiceHost.Build(
            _broker is null ? ServiceHost.Standalone : "sweeper",
            [],
            builder =>
            {
                builder.Services.AddSingleton(_policy);
                builder.AddSweeper();
                builder.Services.AddHostedService<Reconciler>();
            },
            bus => bus.AddSweeperConsumers(),
            web => web.MapSweeper(),
            new Dictionary<string, string?>
            {
                ["environment"] = Environments.Development,
                ["urls"] = "http://127.0.0.1:0",
                ["ConnectionStrings:Store"] = _store,
                ["ConnectionStrings:Broker"] = _broker,
                ["AMPORA_MASTER_KEY"] = Convert.ToBase64String(new byte[32]),
                ["Ampora:Management:Port"] = "0",
                ["Ampora:Git:TipDeadline"] = _tipDeadline ?? "00:00:10",
                ["Ampora:Git:CacheFolder"] = Path.Combine(_cache.FullName, $"{_sweepers.Count}"),
            });
        await app.StartAsync(Token);
        _sweepers.Add(app);
        return app;
    }

    /// <summary>Makes a source as the Console does; its first check is asked for and woken.</summary>
    public async Task CreateSourceAsync(
        string id, string url, string refName = "main", GitCredential? credential = null, string? authority = null, Action<Source>? configure = null)
    {
        var cipher = First.Services.GetRequiredService<SecretCipher>();
        var uri = new Uri(url);
        await Database.WriteAsync(
            async (context, token) =>
            {
                var now = await SourceWakeups.NowAsync(context, token);
                var source = new Source
                {
                    Id = id,
                    Uid = Guid.NewGuid(),
                    Url = url,
                    Ref = refName,
                    PollIntervalSeconds = 3600,
                    Polling = "fixed",
                    WebhookAuth = "token",
                    Version = 1,
                    CreatedAt = now,
                    UpdatedAt = now,
                    Credential = credential is null ? null : new Credential
                    {
                        SourceId = id,
                        Type = credential.ToString().ToLowerInvariant(),
                        Encrypted = StoredCredential.Encrypt(cipher, id, credential),
                        Authority = authority ?? uri.GetLeftPart(UriPartial.Authority),
                        UpdatedAt = now,
                    },
                };
                configure?.Invoke(source);
                context.Sources.Add(source);
                await context.SaveChangesAsync(token);
                await SourceWakeups.CreateAsync(context, new NewWakeup(id, uri.Authority, url, 3600, Paused: false), $"req_{Guid.NewGuid():n}", "test", token);
            },
            Token);
        await Protocol.WakeAsync([id], Token);
    }

    /// <summary>Changes the repository of a source as the Console does.</summary>
    public Task ChangeUrlAsync(string id, string url) => ChangeAsync(id, source => source.Url = url);

    /// <summary>Changes the settings of a source as the Console does.</summary>
    public async Task ChangeAsync(string id, Action<Source> change)
    {
        await Database.WriteAsync(
            async (context, token) =>
            {
                var source = await context.Sources.SingleAsync(s => s.Id == id, token);
                change(source);
                await SourceWakeups.ChangeSettingsAsync(context, id, new Uri(source.Url).Authority, source.Url, $"req_{Guid.NewGuid():n}", "test", token);
                await context.SaveChangesAsync(token);
            },
            Token);
        await Protocol.WakeAsync([id], Token);
    }

    /// <summary>Sends authenticated webhooks for sources, as Ingress does: one group, then a message for each.</summary>
    public async Task WebhookAsync(params string[] ids)
    {
        var version = (await WakeupAsync(ids[0])).SecretVersion;
        var outcomes = await Protocol.AskAsync(
            [.. ids.Select(id => new WebhookAsk(
                id,
                version,
                new Delivery($"dlv_{Interlocked.Increment(ref _deliveries):x32}", TimeProvider.System.GetUtcNow(), "token", "push", "192.0.2.1", "current")))],
            Token);
        Assert.All(outcomes, outcome => Assert.Equal(AskOutcome.Accepted, outcome));
        Assert.Null(await Protocol.WakeAsync(ids, Token));
    }

    public async Task<Wakeup> WakeupAsync(string id)
    {
        await using var context = Database.Read();
        return await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Token);
    }

    public async Task<IReadOnlyList<RunRow>> RunsAsync(string? id = null)
    {
        await using var context = Database.Read();
        return await context.Runs.AsNoTracking().Where(r => id == null || r.SourceId == id).OrderBy(r => r.Sequence).ToListAsync(Token);
    }

    /// <summary>Waits until a source has so many runs.</summary>
    /// <returns>The last of them.</returns>
    public async Task<RunRow> RunAsync(string id, int count)
    {
        IReadOnlyList<RunRow> runs = [];
        await UntilAsync(async () => (runs = await RunsAsync(id)).Count >= count, () => $"{id} has {runs.Count} runs and not {count}");
        Assert.Equal(count, runs.Count);
        return runs[^1];
    }

    /// <summary>Waits until all that was asked for is covered.</summary>
    public Task QuietAsync() => UntilAsync(
        async () =>
        {
            await using var context = Database.Read();
            return !await context.Wakeups.AnyAsync(w => w.Wanted > w.Done, Token);
        },
        () => "wake-ups are left");

    public static async Task UntilAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience)
                Assert.Fail(otherwise());
            await Task.Delay(20, Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_sweepers.Select(async app =>
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await app.StopAsync(patience.Token);
            await app.DisposeAsync();
        }));
        await Git.DisposeAsync();
        _file?.Dispose();
        _cache.Delete(recursive: true);
    }

    private sealed class Reconciler(WakeupProtocol protocol) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                await protocol.ReconcileAsync(250, stoppingToken);
                await Task.Delay(250, stoppingToken);
            }
        }
    }
}
