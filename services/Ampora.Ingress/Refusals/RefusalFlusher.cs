using Ampora.Wakeups;

namespace Ampora.Ingress.Refusals;

/// <summary>Writes what <see cref="RefusalLedger"/> counted, as soon as there is something and then at most so often; and says that this process lives.</summary>
internal sealed partial class RefusalFlusher(
    RefusalLedger ledger, RefusalRecords records, WakeupProtocol protocol, Outages outages, TimeProvider time, ILogger<RefusalFlusher> logger) : BackgroundService
{
    // The first refusal of its kind is to show within a second, and a kill may cost at most a second of counts; the rest is for writing them.
    private static readonly TimeSpan BetweenFlushes = TimeSpan.FromMilliseconds(750);

    // Without refusals, the sign of life alone; often enough that two may be lost before anybody takes us for dead.
    private static readonly TimeSpan BetweenSigns = TimeSpan.FromSeconds(10);

    // A database that takes longer is away, and the counts wait.
    private static readonly TimeSpan WriteDeadline = TimeSpan.FromSeconds(5);

    // A broker confirms so many together about as fast as one.
    private const int PublishedAtOnce = 50;

    private CountedRefusals _unwritten = CountedRefusals.None;
    private Task _publishing = Task.CompletedTask;
    private long? _lastFailure;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the first request can come: from then on an end without a goodbye is noticed.
        await TryFlushAsync(leave: false, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);

        // What waited for a second try comes first, then what was counted since.
        var written = await TryFlushAsync(leave: false, cancellationToken) && await TryFlushAsync(leave: true, cancellationToken);
        if (!written)
            Log.Unwritten(logger, _unwritten.Sum + ledger.Take().Sum);
        await _publishing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(BetweenFlushes, time, stoppingToken);
                if (_unwritten.IsNone)
                    await WaitForNewsAsync(stoppingToken);
                await TryFlushAsync(leave: false, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // StopAsync writes the rest.
        }
    }

    private async Task WaitForNewsAsync(CancellationToken stopping)
    {
        using var sign = new CancellationTokenSource(BetweenSigns, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(sign.Token, stopping);
        try
        {
            await ledger.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            // Nobody was refused; it is time for the sign of life.
        }
    }

    /// <summary>
    /// Writes one batch. One whose outcome is unknown is written again as it was, under the same message ids, so that it counts once;
    /// what is counted meanwhile makes the next batch.
    /// </summary>
    private async Task<bool> TryFlushAsync(bool leave, CancellationToken cancellationToken)
    {
        if (_unwritten.IsNone)
            _unwritten = ledger.Take();
        // After an outage every other process may look dead until it has signed again.
        var judge = _lastFailure is not { } failure || time.GetElapsedTime(failure) > RefusalRecords.DeadAfter;
        using var deadline = new CancellationTokenSource(WriteDeadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var messages = await records.WriteAsync(_unwritten, judge, leave, either.Token);
            _unwritten = CountedRefusals.None;
            outages.Database.Succeeded();
            // The bus must not hold up the next flush; what it has not time for is the relay's.
            if (messages.Count > 0 && _publishing.IsCompleted && !outages.Bus.IsFresh)
                _publishing = PublishAsync(messages);
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            _lastFailure = time.GetTimestamp();
            outages.Database.Failed(e);
            return false;
        }
    }

    private async Task PublishAsync(IReadOnlyList<OutboxMessage> messages)
    {
        foreach (var chunk in messages.Chunk(PublishedAtOnce))
        {
            var failures = await Task.WhenAll(chunk.Select(message => protocol.TryPublishAsync(message, CancellationToken.None)));
            if (Array.Find(failures, f => f is not null) is { } failure)
            {
                // The relay sends these and the rest.
                outages.Bus.Failed(failure);
                return;
            }
        }

        outages.Bus.Succeeded();
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The database did not take the counts of {Count} refused webhooks before the stop; the gap will be on record")]
        public static partial void Unwritten(ILogger logger, long count);
    }
}
