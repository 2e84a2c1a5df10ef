using System.IO.Compression;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Snapshots;

/// <summary>
/// Stores blobs of one source, compressed (zlib, RFC 1950) as they stream in and committed some megabytes at a time. Not for concurrent
/// use. A blob is present for <see cref="SnapshotStore.FindMissingAsync"/> only when it is complete.
/// </summary>
public sealed class BlobWriter : IAsyncDisposable
{
    // One transaction holds at most about this much: a flush to the disk is shared by many small blobs, and memory stays bounded.
    private const long BatchBytes = 4 * 1024 * 1024;

    // Also bounds the rows of a transaction, for thousands of tiny files.
    private const int BatchBlobs = 1000;

    // Another sweeper that still believes in its lease may store the same blob at the same moment; once it has, there is nothing to add.
    private const int CommitAttempts = 3;

    private const int CopyBytes = 80 * 1024;

    private readonly Database<StoreContext> _database;
    private readonly string _sourceId;
    private readonly List<BlobChunk> _pieces = [];
    private readonly List<Blob> _blobs = [];
    private Guid? _half;
    private long _bytes;

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
    public async Task AddAsync(string objectId, long size, Stream content, CancellationToken cancellationToken)
    {
        var contentId = Guid.CreateVersion7();
        // Until the blob itself is added, its pieces are those of nobody: a failure below leaves them to DisposeAsync.
        _half = contentId;
        using var pieces = new PieceStream(piece => Take(contentId, piece));
        await using (var compressed = new ZLibStream(pieces, CompressionLevel.Fastest, leaveOpen: true))
        {
            var buffer = new byte[(int)Math.Clamp(size, 1, CopyBytes)];
            while (await content.ReadAsync(buffer, cancellationToken) is > 0 and var read)
            {
                await compressed.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                if (_bytes >= BatchBytes)
                    await FlushAsync(cancellationToken);
            }
        }

        pieces.Complete();
        _blobs.Add(new Blob { SourceId = _sourceId, ObjectId = objectId, ContentId = contentId, Size = size, StoredAt = default });
        _half = null;
        if (_bytes >= BatchBytes || _blobs.Count >= BatchBlobs)
            await FlushAsync(cancellationToken);

        void Take(Guid of, (int Place, byte[] Data) piece)
        {
            _pieces.Add(new BlobChunk { ContentId = of, Place = piece.Place, SourceId = _sourceId, Data = piece.Data });
            _bytes += piece.Data.Length;
        }
    }

    /// <summary>Commits what was added and is not yet committed. Call it before the manifest that names the blobs is staged.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_pieces.Count == 0 && _blobs.Count == 0)
            return;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await _database.WriteAsync(CommitAsync, cancellationToken);
                break;
            }
            catch (DbUpdateException) when (attempt < CommitAttempts)
            {
                // Stored by another since it was looked for: the next try finds it.
            }
        }

        _pieces.Clear();
        _blobs.Clear();
        _bytes = 0;
    }

    /// <summary>Forgets what was added and not flushed, and takes back the pieces of a blob whose content broke off.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_half is not { } half)
            return;
        try
        {
            await _database.WriteAsync((context, token) => context.BlobChunks.Where(c => c.ContentId == half).ExecuteDeleteAsync(token), CancellationToken.None);
        }
        catch (Exception e) when (TransientErrors.IsTransient(e) || TransientErrors.IsConnectionLost(e))
        {
            // Pieces of no blob are invisible; collecting garbage removes them.
        }
    }

    private async Task<bool> CommitAsync(StoreContext context, CancellationToken cancellationToken)
    {
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        var ids = _blobs.Select(b => b.ObjectId).ToList();
        var present = await context.Blobs.Where(b => b.SourceId == _sourceId && ids.Contains(b.ObjectId)).Select(b => b.ObjectId).ToHashSetAsync(cancellationToken);
        var superfluous = _blobs.Where(b => present.Contains(b.ObjectId)).Select(b => b.ContentId).ToHashSet();
        var now = await SourceWakeups.NowAsync(context, cancellationToken);

        // Pieces of large blobs may have been committed before it showed that the blob is there.
        if (superfluous.Count > 0)
            await context.BlobChunks.Where(c => superfluous.Contains(c.ContentId)).ExecuteDeleteAsync(cancellationToken);
        context.AddRange(_pieces.Where(p => !superfluous.Contains(p.ContentId)).Select(p =>
            new BlobChunk { ContentId = p.ContentId, Place = p.Place, SourceId = p.SourceId, Data = p.Data }));
        context.AddRange(_blobs.Where(b => !superfluous.Contains(b.ContentId)).DistinctBy(b => b.ObjectId).Select(b =>
            new Blob { SourceId = b.SourceId, ObjectId = b.ObjectId, ContentId = b.ContentId, Size = b.Size, StoredAt = now }));
        await context.SaveChangesAsync(cancellationToken);
        return true;
    }
}
