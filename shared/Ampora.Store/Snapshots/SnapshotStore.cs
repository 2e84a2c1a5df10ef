using Ampora.Database;

namespace Ampora.Store.Snapshots;

/// <summary>Stores trees and reads them back. Blobs are kept in compressed pieces and only ever streamed.</summary>
public sealed class SnapshotStore(Database<StoreContext> database)
{
    /// <summary>Which of these blobs the source does not have yet; those that it has are marked as used now.</summary>
    public Task<IReadOnlySet<string>> FindMissingAsync(string sourceId, IReadOnlyCollection<string> objectIds, CancellationToken cancellationToken) =>
        throw new NotImplementedException($"{database.Dialect}");

    /// <summary>Starts to store blobs of one source; many small ones share a transaction. The caller flushes and disposes the writer.</summary>
    /// <param name="sourceId">The source from whose fetch the content comes.</param>
    public BlobWriter WriteBlobs(string sourceId) => new(database, sourceId);

    /// <summary>Stores a manifest, invisible until the finish of its check; storing it again changes nothing.</summary>
    public Task StageAsync(string sourceId, long config, string sha, Manifest manifest, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Reads a manifest; null when there is none, or none that is visible (unless <paramref name="staged"/>).</summary>
    public Task<Manifest?> ReadManifestAsync(string sourceId, long config, string sha, bool staged, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <summary>Opens a blob's content; null when the source does not have it. The caller disposes the stream.</summary>
    public Task<Stream?> OpenBlobAsync(string sourceId, string objectId, CancellationToken cancellationToken) => throw new NotImplementedException();
}
