using System.Diagnostics;
using System.Threading.Channels;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Deliveries;

/// <summary>
/// Commits deliveries in groups: while one group commits, the next gathers, so that a single webhook waits for nothing and a flood costs
/// few transactions.
/// </summary>
internal sealed class DeliveryCommitter(
    WakeupProtocol protocol, WakeupAnnouncer announcer, Outages outages, IOptions<IngressOptions> options, TimeProvider time) : BackgroundService
{
    private readonly Channel<Waiting> _queue = Channel.CreateBounded<Waiting>(options.Value.QueuedDeliveries);

    /// <summary>Commits a delivery.</summary>
    /// <param name="asks">What it asks of each of its sources; all of them are committed together.</param>
    /// <param name="cancellationToken">Ends the wait. A delivery that no group has taken up by then is not committed.</param>
    /// <returns>
    /// What became of each, in their order, once that is durable; null when they could not be committed, or nobody knows whether they were.
    /// </returns>
    public async Task<IReadOnlyList<AskOutcome>?> CommitAsync(IReadOnlyList<WebhookAsk> asks, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(asks, Activity.Current?.Context ?? default);
        if (!_queue.Writer.TryWrite(waiting))
        {
            outages.Database.Failed(new TimeoutException("more webhooks wait for their commit than it can take in time"));
            return null;
        }

        AmporaMetrics.DeliveriesWaiting.Add(1);
        try
        {
            return await waiting.Outcome.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            waiting.Abandon();
            return null;
        }
        finally
        {
            AmporaMetrics.DeliveriesWaiting.Add(-1);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The server has stopped by now; whoever is left in the queue still gets an answer.
        _queue.Writer.TryComplete();
        if (ExecuteTask is { } committing)
            await committing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, options.Value.Committers).Select(_ => CommitGroupsAsync(stoppingToken)));

    private async Task CommitGroupsAsync(CancellationToken stopping)
    {
        var group = new List<Waiting>();
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stopping))
            {
                group.Clear();
                // The last one may bring more than fit: those of one delivery are never parted.
                for (var asks = 0; asks < options.Value.DeliveriesPerCommit && _queue.Reader.TryRead(out var waiting);)
                {
                    if (!waiting.TryTake())
                        continue;
                    group.Add(waiting);
                    asks += waiting.Asks.Count;
                }

                if (group.Count > 0)
                    await CommitAsync(group);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The host gave up waiting for the queue; those in it are answered 503 at their deadline.
        }
    }

    private async Task CommitAsync(List<Waiting> group)
    {
        IReadOnlyList<AskOutcome> outcomes;
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(options.Value.DatabaseMilliseconds), time);
        try
        {
            outcomes = await protocol.AskAsync([.. group.SelectMany(w => w.Asks)], deadline.Token);
        }
        catch (Exception e)
        {
            outages.Database.Failed(e);
            foreach (var waiting in group)
                waiting.Answer(null);
            return;
        }

        outages.Database.Succeeded();
        var first = 0;
        var woken = new Dictionary<string, ActivityContext>(StringComparer.Ordinal);
        foreach (var waiting in group)
        {
            AskOutcome[] own = [.. outcomes.Skip(first).Take(waiting.Asks.Count)];
            first += own.Length;
            // One message wakes a source, however many of the group asked for it; the first of them is the trace's cause.
            foreach (var (ask, _) in waiting.Asks.Zip(own).Where(a => a.Second == AskOutcome.Accepted))
                woken.TryAdd(ask.SourceId, waiting.Cause);
            waiting.Answer(own);
        }

        foreach (var (sourceId, cause) in woken)
            announcer.Announce(sourceId, cause);
    }

    /// <summary>A delivery in the queue, and the request that waits for its outcome.</summary>
    private sealed class Waiting(IReadOnlyList<WebhookAsk> asks, ActivityContext cause)
    {
        private const int Queued = 0;
        private const int Taken = 1;
        private const int Abandoned = 2;

        private readonly TaskCompletionSource<IReadOnlyList<AskOutcome>?> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _state = Queued;

        public IReadOnlyList<WebhookAsk> Asks => asks;

        public ActivityContext Cause => cause;

        public Task<IReadOnlyList<AskOutcome>?> Outcome => _outcome.Task;

        public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Queued) == Queued;

        public void Abandon() => Interlocked.CompareExchange(ref _state, Abandoned, Queued);

        public void Answer(IReadOnlyList<AskOutcome>? outcomes) => _outcome.TrySetResult(outcomes);
    }
}
