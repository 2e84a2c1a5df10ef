using System.Globalization;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;

namespace Ampora.Sweeper;

/// <summary>The checks of one sweep, with a line in the log and the metrics for each run that they make.</summary>
internal sealed partial class ReportedCheck(ICheck check, TimeProvider time, ILogger logger) : ICheck
{
    private long _claimed;

    public Task<CheckResult> RunAsync(Claim claim, CancellationToken cancellationToken)
    {
        _claimed = time.GetTimestamp();
        return check.RunAsync(claim, cancellationToken);
    }

    /// <summary>Takes note of a run that the last check made.</summary>
    public void Committed(Run run)
    {
        // The two clocks are never mixed: the wait before the claim is the database's time, what came after it this process's.
        var sinceRequest = run.QueueTime + time.GetElapsedTime(_claimed);
        var summary = run.Summary;
        AmporaMetrics.SyncRuns.Add(
            1, new KeyValuePair<string, object?>("trigger", summary.Trigger), new KeyValuePair<string, object?>("outcome", summary.Outcome));
        if (summary.Trigger == "webhook" && summary.Error is null)
            AmporaMetrics.WebhookToRun.Record(sinceRequest.TotalSeconds);

        if (summary.Error is { } error)
            Log.Failed(logger, summary.SourceId, error.Detail, error.Code, error.Remedy, summary.RunId);
        else if (summary.RecoveredAfterFailures > 0)
            Log.Recovered(logger, summary.SourceId, summary.RecoveredAfterFailures, Short(summary.Sha), summary.Trigger, summary.RunId);
        else
            Log.Synced(
                logger,
                summary.SourceId,
                Short(summary.PreviousSha),
                Short(summary.Sha),
                summary.Counts.Added + summary.Counts.Modified + summary.Counts.Removed,
                summary.Trigger,
                sinceRequest.TotalMilliseconds.ToString("F0", CultureInfo.InvariantCulture),
                summary.RunId);
    }

    private static string Short(string? sha) => sha is { Length: > 12 } ? sha[..12] : sha ?? "nothing";

    private static partial class Log
    {
        [LoggerMessage(10, LogLevel.Information, "{SourceId}: {PreviousSha} -> {Sha}, {Changed} paths changed, by {Trigger}, {Milliseconds} ms after the request ({RunId})")]
        public static partial void Synced(
            ILogger logger, string sourceId, string previousSha, string sha, int changed, string trigger, string milliseconds, string runId);

        [LoggerMessage(11, LogLevel.Information, "{SourceId}: recovered after {Failures} failed checks, now at {Sha}, by {Trigger} ({RunId})")]
        public static partial void Recovered(ILogger logger, string sourceId, int failures, string sha, string trigger, string runId);

        [LoggerMessage(12, LogLevel.Warning, "{SourceId}: {Detail} [{Code}]; {Remedy} ({RunId})")]
        public static partial void Failed(ILogger logger, string sourceId, string detail, string code, string remedy, string runId);
    }
}
