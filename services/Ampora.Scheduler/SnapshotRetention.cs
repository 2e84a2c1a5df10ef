using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Snapshots;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Scheduler;

/// <summary>
/// Removes snapshots beyond those to be kept and collects what nobody names any more: at every turn of sources that have a snapshot too many, and of each source
/// once a day for what broke off checks left behind. One source at a time; a second replica that does the same only finds less to do.
/// </summary>
internal sealed partial class SnapshotRetention(
    Database<StoreContext> database, SnapshotCollector collector, IOptions<RetentionSettings> settings, TimeProvider time, ILogger<SnapshotRetention> logger)
{
    // To look through a source takes the time to read its manifests; what a check leaves behind may wait.
    private static readonly TimeSpan EachEvery = TimeSpan.FromDays(1);

    // When each source was last looked through, by this process, which forgets it at a restart.
    private readonly Dictionary<string, long> _collected = new(StringComparer.Ordinal);

    private readonly HashSet<string> _failing = new(StringComparer.Ordinal);

    /// <summary>Looks through the sources whose turn it is.</summary>
    /// <returns>How many rows went, and the last of what failed: a source that cannot be looked through holds up no other.</returns>
    public async Task<(int Done, Exception? Failure)> RunAsync(CancellationToken cancellationToken)
    {
        List<string> all;
        await using (var context = database.Read())
            all = await context.Sources.OrderBy(s => s.Id).Select(s => s.Id).ToListAsync(cancellationToken);
        foreach (var gone in _collected.Keys.Except(all, StringComparer.Ordinal).ToList())
            _collected.Remove(gone);
        _failing.IntersectWith(all);
        var overfull = (await collector.FindOverfullAsync(settings.Value.SnapshotsPerSource, cancellationToken)).ToHashSet(StringComparer.Ordinal);

        var total = new Collected(0, 0, 0);
        Exception? failure = null;
        foreach (var sourceId in all.Where(id => overfull.Contains(id) || IsDue(id)))
        {
            try
            {
                var removed = await collector.CollectAsync(sourceId, settings.Value.SnapshotsPerSource, cancellationToken);
                _collected[sourceId] = time.GetTimestamp();
                _failing.Remove(sourceId);
                total = new(total.Snapshots + removed.Snapshots, total.Blobs + removed.Blobs, total.Pieces + removed.Pieces);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failure = e;
                // Once, not at every try.
                if (_failing.Add(sourceId))
                    Log.Failed(logger, e, sourceId);
            }
        }

        if (total.Snapshots + total.Blobs + total.Pieces > 0)
            Log.Removed(logger, total.Snapshots, total.Blobs, total.Pieces);
        return (total.Snapshots + total.Blobs + total.Pieces, failure);
    }

    private bool IsDue(string sourceId) => !_collected.TryGetValue(sourceId, out var at) || time.GetElapsedTime(at) >= EachEvery;

    private static partial class Log
    {
        [LoggerMessage(40, LogLevel.Information, "Removed {Snapshots} snapshots beyond those to be kept, {Blobs} files that none names any more, and {Pieces} pieces of their content")]
        public static partial void Removed(ILogger logger, int snapshots, int blobs, int pieces);

        [LoggerMessage(41, LogLevel.Warning, "{SourceId}: its snapshots could not be looked through for what nobody needs, and are tried again")]
        public static partial void Failed(ILogger logger, Exception error, string sourceId);
    }
}
