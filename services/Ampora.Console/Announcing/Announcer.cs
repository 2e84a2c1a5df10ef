using System.Threading.Channels;
using Ampora.Wakeups;

namespace Ampora.Console.Announcing;

/// <summary>
/// Publishes what was committed, behind the answer: no request waits for the broker. What is not published here is sent by the Scheduler, which reconciles
/// wake-ups and relays the outbox, so that dropping is safe.
/// </summary>
internal sealed partial class Announcer(WakeupProtocol protocol, TimeProvider time, ILogger<Announcer> logger) : BackgroundService
{
    // While a broker is away this fills up and the oldest are dropped, a few hundred bytes each.
    private const int Capacity = 1000;

    // A healthy broker confirms in milliseconds.
    private static readonly TimeSpan PublishDeadline = TimeSpan.FromSeconds(5);

    private readonly Channel<Announcement> _queue = Channel.CreateBounded<Announcement>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Publishes soon, if the broker takes it.</summary>
    /// <param name="sourceToWake">The source whose wake-up was committed; null for none.</param>
    /// <param name="message">The outbox message that was committed; null for none.</param>
    public void Announce(string? sourceToWake, OutboxMessage? message) => _queue.Writer.TryWrite(new Announcement(sourceToWake, message));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var announcement in _queue.Reader.ReadAllAsync(stoppingToken))
        {
            using var deadline = new CancellationTokenSource(PublishDeadline, time);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stoppingToken);
            try
            {
                // The wake-up first: somebody waits for the check.
                var failure = announcement.SourceToWake is { } source ? await protocol.WakeAsync([source], ending.Token) : null;
                if (announcement.Message is { } message)
                    failure = await protocol.TryPublishAsync(message, ending.Token) ?? failure;
                if (failure is not null)
                    Log.NotPublished(logger, failure);
            }
            catch (OperationCanceledException e) when (!stoppingToken.IsCancellationRequested)
            {
                Log.NotPublished(logger, e);
            }
        }
    }

    private sealed record Announcement(string? SourceToWake, OutboxMessage? Message);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The broker did not take a message; the scheduler sends it later")]
        public static partial void NotPublished(ILogger logger, Exception exception);
    }
}
