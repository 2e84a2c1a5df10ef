using System.Net.Sockets;
using MassTransit;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Says in the log when the broker goes and comes, once each; and starts the bus anew when a consumer stays away although the broker
/// answers, since MassTransit gives up on some errors (a broker that was paused in mid-handshake) for the life of the process.
/// </summary>
internal sealed partial class BusWatch(IBusControl bus, BrokerAddress broker, TimeProvider time, ILogger<BusWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // A sound bus is back a second after the broker is; five is no hurry and no long wait.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Shorter is not worth a word: the start, or a broker that was restarted.
    private static readonly TimeSpan PatienceBeforeWords = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GreetingDeadline = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var told = false;
        long? answersSince = null;
        var wellAt = time.GetTimestamp();
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
                    (told, answersSince, wellAt) = (false, null, time.GetTimestamp());
                    continue;
                }
                if (!told && time.GetElapsedTime(wellAt) > PatienceBeforeWords)
                {
                    Log.Away(logger, broker, health.Description);
                    told = true;
                }
                answersSince = await BrokerAnswersAsync(stoppingToken) ? answersSince ?? time.GetTimestamp() : null;
                if (answersSince is { } since && time.GetElapsedTime(since) > Patience)
                {
                    Log.Restart(logger, broker, health.Description);
                    await RestartAsync(stoppingToken);
                    answersSince = null;
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops.
        }
    }

    private async Task RestartAsync(CancellationToken stoppingToken)
    {
        try
        {
            using (var deadline = new CancellationTokenSource(StopDeadline, time))
                await bus.StopAsync(deadline.Token);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // It was broken already.
            Log.RestartTrouble(logger, e);
        }
        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            deadline.CancelAfter(StopDeadline);
            await bus.StartAsync(deadline.Token);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            // The next round tries again.
            Log.RestartTrouble(logger, e);
        }
    }

    /// <summary>Whether the broker serves: it answers the protocol's greeting. An open port is not enough, a paused process has that too.</summary>
    private async Task<bool> BrokerAnswersAsync(CancellationToken stoppingToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        deadline.CancelAfter(GreetingDeadline);
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(broker.Host, broker.Port, deadline.Token);
            // The greeting would have to go through TLS there.
            if (broker.Tls)
                return true;
            var stream = socket.GetStream();
            await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), deadline.Token);
            return await stream.ReadAsync(new byte[1], deadline.Token) == 1;
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException && !stoppingToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Warning, "The broker {Broker} is away ({Reason}); what is asked for is kept in the database and done when it is back")]
        public static partial void Away(ILogger logger, BrokerAddress broker, string? reason);

        [LoggerMessage(LogLevel.Information, "The broker {Broker} is back")]
        public static partial void Back(ILogger logger, BrokerAddress broker);

        [LoggerMessage(LogLevel.Warning, "The broker {Broker} answers but consumers do not come back ({Reason}): the bus is started anew")]
        public static partial void Restart(ILogger logger, BrokerAddress broker, string? reason);

        [LoggerMessage(LogLevel.Warning, "Starting the bus anew had trouble")]
        public static partial void RestartTrouble(ILogger logger, Exception exception);
    }
}
