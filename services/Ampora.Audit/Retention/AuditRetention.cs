using Ampora.Audit.Heads;
using Microsoft.Extensions.Options;

namespace Ampora.Audit.Retention;

/// <summary>Retires entries that are older than the settings keep, once an hour.</summary>
internal sealed partial class AuditRetention(
    EntryRetirement retirement, HeadExport heads, IOptions<AuditRetentionSettings> settings, TimeProvider time, ILogger<AuditRetention> logger) : BackgroundService
{
    // Not at the start: duplicates that waited in the queue while Audit was away find the entries that they are duplicates of.
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    // Between two batches, so that what waits to be appended is.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (settings.Value.AuditDays == 0)
            return;
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                // What is retired lies behind a head that is exported now.
                var exported = await heads.ExportAsync(stoppingToken);
                while (await retirement.RetireAsync(TimeSpan.FromDays(settings.Value.AuditDays), exported, stoppingToken))
                    await Task.Delay(Pause, stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                Log.NotRetired(logger, e);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "Old entries of the audit log could not be retired; trying again in an hour")]
        public static partial void NotRetired(ILogger logger, Exception error);
    }
}
