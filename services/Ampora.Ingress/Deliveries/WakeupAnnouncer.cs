using System.Diagnostics;
using System.Threading.Channels;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;

namespace Ampora.Ingress.Deliveries;

/// <summary>
/// Tells the sweepers of committed wake-ups, behind the answers. The bus is the fast path only: what it does not take now, the
/// scheduler's reconciliation sends, so nothing here is ever waited for, kept or tried again.
/// </summary>
internal sealed class WakeupAnnouncer(WakeupProtocol protocol, Outages outages, TimeProvider time) : BackgroundService
{
    // A broker confirms within a few milliseconds; so many at once carry thousands of wake-ups a second.
    private const int AtOnce = 32;

    // More than this many distinct sources behind the bus are as well left to reconciliation.
    private const int MaxWaiting = 4096;

    // At the stop, for what is still in the queue; reconciliation finds the rest.
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(2);

    private readonly Channel<(string SourceId, ActivityContext Cause)> _queue = Channel.CreateBounded<(string, ActivityContext)>(MaxWaiting);

    /// <summary>Announces a committed wake-up, some time soon or not at all.</summary>
    /// <param name="sourceId">The source.</param>
    /// <param name="cause">The trace of the request.</param>
    public void Announce(string sourceId, ActivityContext cause)
    {
        if (!outages.Bus.IsFresh)
            _queue.Writer.TryWrite((sourceId, cause));
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        if (ExecuteTask is { } announcing)
            await announcing.WaitAsync(StopDeadline, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Parallel.ForEachAsync(
                _queue.Reader.ReadAllAsync(stoppingToken),
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stoppingToken },
                async (wakeup, stopping) =>
                {
                    if (!outages.Bus.IsFresh)
                        await AnnounceAsync(wakeup.SourceId, wakeup.Cause, stopping);
                });
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is left in the queue is committed, and found by reconciliation.
        }
    }

    private async Task AnnounceAsync(string sourceId, ActivityContext cause, CancellationToken stopping)
    {
        using var activity = StartActivity(cause);
        if (await protocol.WakeAsync([sourceId], stopping) is { } failure)
            outages.Bus.Failed(failure);
        else
            outages.Bus.Succeeded();
    }

    // Also when nobody listens to our spans: the message then still carries the trace of the request that caused it.
    private static Activity? StartActivity(ActivityContext cause)
    {
        const string name = "announce wake-up";
        if (cause == default)
            return null;
        return AmporaMetrics.Activities.StartActivity(name, ActivityKind.Internal, cause)
            ?? new Activity(name).SetParentId(cause.TraceId, cause.SpanId, cause.TraceFlags).Start();
    }
}
