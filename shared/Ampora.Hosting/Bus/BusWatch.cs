using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Says in the log when the broker goes and comes, once each; and starts a consumer anew that stays away although the broker answers,
/// since MassTransit gives up on some errors (a broker that fell silent before <see cref="SilentBroker"/> sees it) for the life of the process.
/// </summary>
internal sealed partial class BusWatch(IBusControl bus, BrokerAddress broker, BrokerGreeting greeting, TimeProvider time, ILogger<BusWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // A sound bus is back within three seconds of the broker; a step of the set-up that gets no answer takes five to fail, and is tried again
    // by itself. Each start that does not help doubles the wait for the next.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan LongestPatience = TimeSpan.FromMinutes(1);

    // Shorter is not worth a word: the start, or a broker that was restarted.
    private static readonly TimeSpan PatienceBeforeWords = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GreetingInterval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var told = false;
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
                if (health.Status == BusHealthStatus.Healthy)
                {
                    if (told)
                        Log.Back(logger, broker);
                    (told, answersSince, wellAt, patience) = (false, null, time.GetTimestamp(), Patience);
                    continue;
                }
                if (!told && time.GetElapsedTime(wellAt) > PatienceBeforeWords)
                {
                    Log.Away(logger, broker, health.Description);
                    told = true;
                }
                // A greeting that is not followed up is a line in the broker's log: not while it is merely slow, and not all the time.
                if (time.GetElapsedTime(wellAt) < PatienceBeforeWords || time.GetElapsedTime(askedAt) < GreetingInterval)
                    continue;
                askedAt = time.GetTimestamp();
                answersSince = await greeting.AnswersAsync(stoppingToken) ? answersSince ?? time.GetTimestamp() : null;
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

    /// <summary>Starts the consumers that stay away anew; the others go on.</summary>
    private async Task RestartAsync(BusHealthResult health, CancellationToken stoppingToken)
    {
        foreach (var endpoint in health.Endpoints.Values.Where(endpoint => endpoint.Status != BusHealthStatus.Healthy).Select(endpoint => endpoint.ReceiveEndpoint))
        {
            try
            {
                using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                deadline.CancelAfter(StopDeadline);
                await endpoint.Stop(deadline.Token).WaitAsync(deadline.Token);
                endpoint.Start(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // The next round tries again.
                Log.RestartTrouble(logger, endpoint.InputAddress.AbsolutePath, e);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The broker {Broker} is away ({Reason}); what is asked for is kept in the database and done when it is back")]
        public static partial void Away(ILogger logger, BrokerAddress broker, string? reason);

        [LoggerMessage(LogLevel.Information, "The broker {Broker} is back")]
        public static partial void Back(ILogger logger, BrokerAddress broker);

        [LoggerMessage(LogLevel.Warning, "The broker {Broker} answers but consumers do not come back ({Reason}): they are started anew")]
        public static partial void Restart(ILogger logger, BrokerAddress broker, string? reason);

        [LoggerMessage(LogLevel.Warning, "Starting the consumers of {Queue} anew had trouble")]
        public static partial void RestartTrouble(ILogger logger, string queue, Exception exception);
    }
}
