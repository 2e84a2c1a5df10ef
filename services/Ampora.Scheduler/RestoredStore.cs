using Ampora.Store.Restoring;

namespace Ampora.Scheduler;

/// <summary>Looks whether the store was restored from a backup, and says what was done.</summary>
internal sealed partial class RestoredStore(Restoration restoration, ILogger<RestoredStore> logger)
{
    /// <summary>At the start, which follows a restore; and again, for a standby that takes over.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(15);

    public async Task<(int Done, Exception? Failure)> LookAsync(CancellationToken cancellationToken)
    {
        if (await restoration.LookAsync(cancellationToken) is not { } sources)
            return (0, null);
        Log.Restored(logger, sources);
        return (sources, null);
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning,
            "The store was restored from a backup, or its server was replaced: {Sources} sources are checked anew. What was set since, secrets and tokens too, is as it was then")]
        public static partial void Restored(ILogger logger, int sources);
    }
}
