using System.Diagnostics;
using System.Threading.Channels;
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
    /// <param name="ask">The authenticated delivery.</param>
    /// <param name="cancellationToken">Ends the wait. A delivery that no group has taken up by then is not committed.</param>
    /// <returns>What became of it once that is durable; null when it could not be committed, or nobody knows whether it was.</returns>
    public async Task<AskOutcome?> CommitAsync(WebhookAsk ask, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(ask, Activity.Current?.Context ?? default);
        if (!_queue.Writer.TryWrite(waiting))
        {
            outages.Database.Failed(new TimeoutException("more webhooks wait for their commit than it can take in time"));
            return null;
        }

        try
        {
            return await waiting.Outcome.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            waiting.Abandon();
            return null;
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
                while (group.Count < options.Value.DeliveriesPerCommit && _queue.Reader.TryRead(out var waiting))
                {
                    if (waiting.TryTake())
                        group.Add(waiting);
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
            outcomes = await protocol.AskAsync([.. group.Select(w => w.Ask)], deadline.Token);
        }
        catch (Exception e)
        {
            outages.Database.Failed(e);
            foreach (var waiting in group)
                waiting.Answer(null);
            return;
        }

        outages.Database.Succeeded();
        for (var i = 0; i < group.Count; i++)
            group[i].Answer(outcomes[i]);

        // One message wakes a source, however many of the group asked for it; the first of them is the trace's cause.
        var woken = group.Where((_, i) => outcomes[i] == AskOutcome.Accepted).DistinctBy(w => w.Ask.SourceId);
        foreach (var waiting in woken)
            announcer.Announce(waiting.Ask.SourceId, waiting.Cause);
    }

    /// <summary>A delivery in the queue, and the request that waits for its outcome.</summary>
    private sealed class Waiting(WebhookAsk ask, ActivityContext cause)
    {
        private const int Queued = 0;
        private const int Taken = 1;
        private const int Abandoned = 2;

        private readonly TaskCompletionSource<AskOutcome?> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _state = Queued;

        public WebhookAsk Ask => ask;

        public ActivityContext Cause => cause;

        public Task<AskOutcome?> Outcome => _outcome.Task;

        public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Queued) == Queued;

        public void Abandon() => Interlocked.CompareExchange(ref _state, Abandoned, Queued);

        public void Answer(AskOutcome? outcome) => _outcome.TrySetResult(outcome);
    }
}
