using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;
using Microsoft.Extensions.Options;

namespace Ampora.Scheduler;

/// <summary>Judges whether webhooks announced what polls found; each that was missed is counted and logged.</summary>
internal sealed partial class MissedWebhooks(WakeupProtocol protocol, IOptions<MissSettings> settings, ILogger<MissedWebhooks> logger)
{
    /// <summary>So many in one turn; the next follows at once when there are more.</summary>
    public const int Batch = 250;

    /// <summary>Judges what can be judged now.</summary>
    /// <returns>How many commits.</returns>
    public async Task<(int Done, Exception? Failure)> JudgeAsync(CancellationToken cancellationToken)
    {
        var judged = await protocol.JudgeAsync(TimeSpan.FromSeconds(settings.Value.MissGraceSeconds), Batch, cancellationToken);
        foreach (var missed in judged.Where(j => j.Missed))
        {
            AmporaMetrics.MissedWebhooks.Add(1);
            Log.Missed(logger, missed.SourceId, missed.Sha, settings.Value.MissGraceSeconds);
        }

        return (judged.Count, null);
    }

    private static partial class Log
    {
        [LoggerMessage(
            30,
            LogLevel.Warning,
            "{SourceId}: a poll found {Sha}, and no webhook announced it within {Seconds} s; the ledger of deliveries and the Git host's own list of them say whether it was sent")]
        public static partial void Missed(ILogger logger, string sourceId, string sha, int seconds);
    }
}
