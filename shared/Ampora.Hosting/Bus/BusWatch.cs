using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Says in the log when the broker goes and comes, once each; and starts a consumer anew that stays away although the broker answers,
/// since MassTransit gives up on some errors (a broker that fell silent before <see cref="SilentBroker"/> sees it) for the life of the process.
/// </summary>
internal sealed partial class BusWatch(IBusControl bus, BrokerAddress broker, BrokerProbe probe, Reconnection reconnection, TimeProvider time, ILogger<BusWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // A sound bus is back within three seconds of the broker; a step of the set-up that gets no answer takes five to fail, and is tried again
    // by itself: sooner, a start would get in its way. Each start that does not help doubles the wait for the next.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan LongestPatience = TimeSpan.FromMinutes(1);

    // Shorter is not worth a word: the start, or a broker that was restarted.
    private static readonly TimeSpan PatienceBeforeWords = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // What was said last; null while nothing was, or all is well.
        string? told = null;
        long? answersSince = null;
        var wellAt = time.GetTimestamp();
        var askedAt = wellAt;
        var patience = Patience;
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                var health = bus.CheckHealth();
                if (BusHealth.Works(health))
                {
                    if (told is not null)
                        Log.Back(logger, broker);
                    probe.Clear();
                    (told, answersSince, wellAt, patience) = (null, null, time.GetTimestamp(), Patience);
                    continue;
                }
                // A connection that is not used is a line in the broker's log: not while it is merely slow, and not all the time.
                if (time.GetElapsedTime(wellAt) < PatienceBeforeWords || time.GetElapsedTime(askedAt) < ProbeInterval)
                    continue;
                askedAt = time.GetTimestamp();
                answersSince = await probe.AnswersAsync(stoppingToken) ? answersSince ?? time.GetTimestamp() : null;
                // Again when it is something else: a broker that was away comes back and refuses the password.
                if (probe.Trouble is { } trouble && trouble != told)
                    Log.Away(logger, broker, told = trouble);
                if (answersSince is { } since && time.GetElapsedTime(since) > patience)
                {
                    Log.Restart(logger, broker, health.Description);
                    await RestartAsync(health, stoppingToken);
                    answersSince = null;
                    patience = patience * 2 < LongestPatience ? patience * 2 : LongestPatience;
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    /// <summary>Starts the consumers that stay away anew, on a new connection: it may be the old one that answers no more.</summary>
    private async Task RestartAsync(BusHealthResult health, CancellationToken stoppingToken)
    {
        var away = health.Endpoints.Values.Where(endpoint => endpoint.Status != BusHealthStatus.Healthy).Select(endpoint => endpoint.ReceiveEndpoint).ToArray();
        foreach (var endpoint in away)
            await TryAsync($"stopping {endpoint.InputAddress.AbsolutePath}", token => endpoint.Stop(token), stoppingToken);
        await TryAsync("closing the connection", reconnection.RenewAsync, stoppingToken);
        foreach (var endpoint in away)
        {
            await TryAsync($"starting {endpoint.InputAddress.AbsolutePath}", _ =>
            {
                endpoint.Start(stoppingToken);
                return Task.CompletedTask;
            }, stoppingToken);
        }
    }

    private async Task TryAsync(string what, Func<CancellationToken, Task> step, CancellationToken stoppingToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        deadline.CancelAfter(StopDeadline);
        try
        {
            await step(deadline.Token).WaitAsync(deadline.Token);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // The next round tries again.
            Log.RestartTrouble(logger, what, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The broker {Broker} is not at hand: {Reason}. What is asked for is kept in the database and done when it is back")]
        public static partial void Away(ILogger logger, BrokerAddress broker, string? reason);

        [LoggerMessage(LogLevel.Information, "The broker {Broker} is back")]
        public static partial void Back(ILogger logger, BrokerAddress broker);

        [LoggerMessage(LogLevel.Warning, "The broker {Broker} answers but consumers do not come back ({Reason}): they are started anew")]
        public static partial void Restart(ILogger logger, BrokerAddress broker, string? reason);

        [LoggerMessage(LogLevel.Warning, "Starting consumers anew had trouble with {What}")]
        public static partial void RestartTrouble(ILogger logger, string what, Exception exception);
    }
}
