using Ampora.Audit.Model;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Audit.Heads;

/// <summary>
/// Exports the chain's head when it has moved, to the log and, where there is one, to a file: a log that is cut or rewritten behind an exported head does
/// not hold it any more. At the start, at each interval, and when everything else has stopped.
/// </summary>
internal sealed partial class HeadExport : BackgroundService, IHostedLifecycleService
{
    // The host waits 8 s for everything that stops.
    private static readonly TimeSpan LastDeadline = TimeSpan.FromSeconds(2);

    private readonly Database<AuditContext> _database;
    private readonly ILogger<HeadExport> _logger;
    private readonly HeadSettings _settings;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _logged = -1;

    public HeadExport(Database<AuditContext> database, IOptions<HeadSettings> settings, ILogger<HeadExport> logger)
    {
        (_database, _logger, _settings) = (database, logger, settings.Value);
        File = string.IsNullOrWhiteSpace(_settings.HeadFile) ? null : new HeadFile(_settings.HeadFile);
    }

    /// <summary>The file of exported heads; null for none.</summary>
    public HeadFile? File { get; }

    /// <summary>Exports the head.</summary>
    /// <returns>The entry that it names; 0 while there is none.</returns>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task<long> ExportAsync(CancellationToken cancellationToken)
    {
        // The interval's and retention's: one after the other, so that a line is written once.
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await using var context = _database.Read();
            if (await context.Heads.AsNoTracking().SingleOrDefaultAsync(cancellationToken) is not { LastId: > 0 } head)
                return 0;
            if (head.LastId != _logged)
                Log.HeadMoved(_logger, head.LastId, Convert.ToHexStringLower(head.Hash));
            _logged = head.LastId;
            if (File is not null)
                await File.AppendAsync(_database.Time.GetUtcNow(), new ExportedHead(head.LastId, head.Hash), cancellationToken);
            return head.LastId;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _turn.Dispose();
    }

    /// <inheritdoc/>
    Task IHostedLifecycleService.StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    Task IHostedLifecycleService.StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    Task IHostedLifecycleService.StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    async Task IHostedLifecycleService.StoppedAsync(CancellationToken cancellationToken)
    {
        // The consumers have ended: this is the last head of this process.
        using var deadline = new CancellationTokenSource(LastDeadline, _database.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        await TryExportAsync(either.Token);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await _database.WaitUntilMigratedAsync(stoppingToken);
        using var timer = new PeriodicTimer(_settings.HeadInterval, _database.Time);
        do
            await TryExportAsync(stoppingToken);
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task TryExportAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ExportAsync(cancellationToken);
        }
        catch (Exception e)
        {
            if (e is not (OperationCanceledException or DatabaseNotReadyException))
                Log.HeadNotExported(_logger, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "The audit log's head is entry {AuditId} with hash {Hash}")]
        public static partial void HeadMoved(ILogger logger, long auditId, string hash);

        [LoggerMessage(2, LogLevel.Warning, "The audit log's head could not be exported; trying again at the next interval")]
        public static partial void HeadNotExported(ILogger logger, Exception error);
    }
}
