using Ampora.Audit.Model;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Chain;

/// <summary>Logs the chain's head once an hour when it has moved, so that wherever logs are kept, a log rewritten later would show.</summary>
internal sealed partial class HeadReport(Database<AuditContext> database, ILogger<HeadReport> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var reported = 0L;
        using var timer = new PeriodicTimer(Interval, database.Time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var context = database.Read();
                if (await context.Heads.AsNoTracking().SingleOrDefaultAsync(stoppingToken) is { } head && head.LastId != reported)
                {
                    Log.HeadMoved(logger, head.LastId, Convert.ToHexStringLower(head.Hash));
                    reported = head.LastId;
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Log.HeadUnread(logger, e);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "The audit log's head is entry {AuditId} with hash {Hash}")]
        public static partial void HeadMoved(ILogger logger, long auditId, string hash);

        [LoggerMessage(2, LogLevel.Warning, "The audit log's head could not be read; trying again in an hour")]
        public static partial void HeadUnread(ILogger logger, Exception error);
    }
}
