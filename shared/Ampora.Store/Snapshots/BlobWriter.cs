using Ampora.Database;

namespace Ampora.Store.Snapshots;

/// <summary>
/// Stores blobs of one source, compressed as they stream in and committed some megabytes at a time. Not for concurrent use. A blob is
/// present for <see cref="SnapshotStore.FindMissingAsync"/> only when it is complete.
/// </summary>
public sealed class BlobWriter : IAsyncDisposable
{
    private readonly Database<StoreContext> _database;
    private readonly string _sourceId;

    internal BlobWriter(Database<StoreContext> database, string sourceId)
    {
        _database = database;
        _sourceId = sourceId;
    }

    /// <summary>Takes one blob; it is durable after the next <see cref="FlushAsync"/>. Storing one that is there changes nothing.</summary>
    /// <param name="objectId">Git's object id; the caller has verified it, or verifies it while <paramref name="content"/> is read and throws from there.</param>
    /// <param name="size">Bytes of the content.</param>
    /// <param name="content">The content, read to its end before this returns.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task AddAsync(string objectId, long size, Stream content, CancellationToken cancellationToken) =>
        throw new NotImplementedException($"{_database.Dialect} {_sourceId}");

    /// <summary>Commits what was added and is not yet committed. Call it before the manifest that names the blobs is staged.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task FlushAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>Forgets what was added and not flushed.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
