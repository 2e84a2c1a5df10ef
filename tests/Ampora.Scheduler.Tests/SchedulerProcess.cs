using System.Collections.Concurrent;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.Hosting;
using Ampora.Store;
using Ampora.Store.Model;
using Ampora.Store.Snapshots;
using Ampora.Store.Wakeups;
using Ampora.Wakeups;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ampora.Scheduler.Tests;

/// <summary>One scheduler on a real store, as <see cref="ServiceHost"/> composes it. What it publishes is recorded, and sent on where there are consumers.</summary>
public sealed class SchedulerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly WebApplication _app;
    private bool _started;

    private SchedulerProcess(WebApplication app) => _app = app;

    public Database<StoreContext> Database => _app.Services.GetRequiredService<Database<StoreContext>>();

    public WakeupProtocol Protocol => _app.Services.GetRequiredService<WakeupProtocol>();

    public RecordingPublisher Published => (RecordingPublisher)_app.Services.GetRequiredService<IMessagePublisher>();

    internal Retention Retention => _app.Services.GetRequiredService<Retention>();

    internal SnapshotRetention SnapshotRetention => _app.Services.GetRequiredService<SnapshotRetention>();

    internal SnapshotStore Snapshots => _app.Services.GetRequiredService<SnapshotStore>();

    internal Ages Ages => _app.Services.GetRequiredService<Ages>();

    internal SchedulerLoops Loops => _app.Services.GetRequiredService<SchedulerLoops>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Composes a scheduler and migrates its store; its loops run when <see cref="StartAsync"/> is called.</summary>
    /// <param name="store">The store's connection string.</param>
    /// <param name="clock">The process's clock; null for the system's.</param>
    /// <param name="policy">The protocol's times; null for the design's.</param>
    /// <param name="consumers">Consumers besides the scheduler's own.</param>
    public static async Task<SchedulerProcess> CreateAsync(
        string store, TimeProvider? clock = null, WakeupPolicy? policy = null, Action<IBusRegistrationConfigurator>? consumers = null)
    {
        var app = ServiceHost.Build(
            ServiceHost.Standalone,
            [],
            builder =>
            {
                builder.Services.AddSingleton(clock ?? TimeProvider.System);
                builder.Services.AddSingleton(policy ?? new WakeupPolicy());
                builder.AddScheduler();
                builder.Services.AddSingleton<IMessagePublisher>(services => new RecordingPublisher(services.GetRequiredService<IBus>()));
            },
            bus =>
            {
                bus.AddSchedulerConsumers();
                consumers?.Invoke(bus);
            },
            web => web.MapScheduler(),
            new Dictionary<string, string?>
            {
                ["environment"] = Environments.Development,
                ["urls"] = "http://127.0.0.1:0",
                ["ConnectionStrings:Store"] = store,
                ["Ampora:Management:Port"] = "0",
                ["Ampora:Retention:DeliveriesPerSource"] = "10",
                ["Ampora:Retention:SnapshotsPerSource"] = "3",
                ["Ampora:Webhooks:MissGraceSeconds"] = "60",
            });
        var process = new SchedulerProcess(app);
        await process.Database.MigrateAsync(Token);
        return process;
    }

    public async Task StartAsync()
    {
        await _app.StartAsync(Token);
        _started = true;
    }

    /// <summary>Makes sources as the Console does; each asks for its first check.</summary>
    public async Task CreateSourcesAsync(int count, int intervalSeconds)
    {
        foreach (var chunk in Enumerable.Range(0, count).Chunk(100))
        {
            await Database.WriteAsync(
                async (context, token) =>
                {
                    var now = await SourceWakeups.NowAsync(context, token);
                    foreach (var i in chunk)
                    {
                        context.Sources.Add(new Source
                        {
                            Id = $"source-{i}",
                            Uid = Guid.NewGuid(),
                            Url = $"https://host-{i}.example/fleet.git",
                            Ref = "main",
                            PollIntervalSeconds = intervalSeconds,
                            Polling = "fixed",
                            WebhookAuth = "token",
                            Version = 1,
                            CreatedAt = now,
                            UpdatedAt = now,
                        });
                    }

                    await context.SaveChangesAsync(token);
                    foreach (var i in chunk)
                    {
                        await SourceWakeups.CreateAsync(
                            context, new NewWakeup($"source-{i}", $"host-{i}.example:443", $"https://host-{i}.example/fleet.git", intervalSeconds, Paused: false), $"req_{Guid.NewGuid():n}", "test", token);
                    }
                },
                Token);
        }
    }

    /// <summary>Checks a source as a sweeper does, with a check that ends at once.</summary>
    public Task SweepAsync(string sourceId, CheckResult? result = null, Action? check = null) => Protocol.SweepAsync(
        sourceId,
        new InstantCheck(() =>
        {
            check?.Invoke();
            return result ?? new CheckResult.Unchanged { Sha = new string('a', 40), RefName = "refs/heads/main" };
        }),
        Token);

    public static async Task UntilAsync(Func<Task<bool>> condition, string otherwise)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Patience, otherwise);
            await Task.Delay(20, Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_started)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await _app.StopAsync(patience.Token);
        }

        await _app.DisposeAsync();
    }

    private sealed class InstantCheck(Func<CheckResult> check) : ICheck
    {
        public Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken) => Task.FromResult(check());
    }
}

/// <summary>Notes what is published, and passes on what is not a wake-up: there is no sweeper here.</summary>
public sealed class RecordingPublisher(IBus bus) : IMessagePublisher
{
    private readonly ConcurrentQueue<object> _messages = new();

    /// <summary>The sources that were woken, in order.</summary>
    public IReadOnlyList<string> Woken => [.. _messages.OfType<TipCheckRequested>().Select(m => m.SourceId)];

    public void Forget() => _messages.Clear();

    /// <summary>Takes messages in order, as the one consumer of a queue would.</summary>
    public object? Take() => _messages.TryDequeue(out var message) ? message : null;

    public Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken)
    {
        _messages.Enqueue(message);
        return message is TipCheckRequested
            ? Task.CompletedTask
            : bus.Publish(message, message.GetType(), context => context.MessageId = messageId, cancellationToken);
    }
}
