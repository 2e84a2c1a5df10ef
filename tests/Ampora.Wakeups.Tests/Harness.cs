using System.Collections.Concurrent;
using Ampora.Contracts;
using Ampora.Simulation.Model;
using Ampora.TestServers;

namespace Ampora.Wakeups.Tests;

/// <summary>The real protocol over the model, with a clock and a bus that tests drive by hand.</summary>
public sealed class Harness
{
    private int _deliveries;

    public Harness(Func<ModelWakeupStore, IWakeupStore>? wrap = null)
    {
        Store = new ModelWakeupStore(Clock, Policy);
        Protocol = new WakeupProtocol(wrap?.Invoke(Store) ?? Store, Bus, Policy, "sweeper-1");
    }

    public ManualClock Clock { get; } = new();

    public WakeupPolicy Policy { get; } = new();

    public RecordingBus Bus { get; } = new();

    public ModelWakeupStore Store { get; }

    public WakeupProtocol Protocol { get; }

    /// <summary>The tip that the scripted Git host shows.</summary>
    public string Tip { get; set; } = "a";

    public CancellationToken Token => TestContext.Current.CancellationToken;

    public WebhookAsk Webhook(string sourceId, long secretVersion = 1, string? ignoredBecause = null, string? announcedSha = null) => new(
        sourceId,
        secretVersion,
        new Delivery($"dlv_{++_deliveries}", Clock.GetUtcNow(), "token", "push", "192.0.2.1", "current", ignoredBecause, AnnouncedSha: announcedSha));

    public async Task<AskOutcome> AskAsync(Ask ask) => (await Protocol.AskAsync([ask], Token))[0];

    /// <summary>A check that reads <see cref="Tip"/> and finds it moved or not.</summary>
    public CheckResult Look(Claim claim)
    {
        if (Tip == claim.TipSha)
            return new CheckResult.Unchanged { Sha = Tip, RefName = "refs/heads/main" };
        Store.Stage(claim, Tip);
        return new CheckResult.Moved
        {
            Sha = Tip,
            RefName = "refs/heads/main",
            Commit = new CommitSummary("A <a@test>", "change", Clock.GetUtcNow()),
            Parents = [],
            Forced = false,
            Reused = false,
            Changes = [new PathChange("file", "added")],
            ChangesTruncated = false,
            Counts = new ChangeCounts(1, 0, 0),
        };
    }

    public Task<TimeSpan?> SweepAsync(string sourceId, Func<Claim, CancellationToken, Task<CheckResult>>? check = null) =>
        Protocol.SweepAsync(sourceId, new ScriptedCheck(check ?? ((claim, _) => Task.FromResult(Look(claim)))), Token);

    public Task<TimeSpan?> FailAsync(string sourceId, TimeSpan? retryAfter = null) =>
        SweepAsync(sourceId, (_, _) => Task.FromResult<CheckResult>(
            new CheckResult.Failed { Error = new RunError("timeout", "no answer", "look at the host"), RetryAfter = retryAfter }));

    /// <summary>Creates a source whose first run is behind it.</summary>
    public async Task<ModelSource> CreateSyncedAsync(string id)
    {
        var source = Store.Create(id);
        await SweepAsync(id);
        return source;
    }

    public sealed class ScriptedCheck(Func<Claim, CancellationToken, Task<CheckResult>> run) : ICheck
    {
        public Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken) => run(claim, cancellationToken);
    }

    public sealed class RecordingBus : IMessagePublisher
    {
        public ConcurrentQueue<(object Message, Guid Id)> Published { get; } = [];

        public bool Down { get; set; }

        public IEnumerable<string> Woken => Published.Select(p => p.Message).OfType<TipCheckRequested>().Select(m => m.SourceId);

        public Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken)
        {
            if (Down)
                throw new TimeoutException("the broker is away");
            Published.Enqueue((message, messageId));
            return Task.CompletedTask;
        }
    }
}
