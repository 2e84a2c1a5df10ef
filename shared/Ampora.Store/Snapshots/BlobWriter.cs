using System.IO.Compression;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Sql;
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
    private readonly HashSet<Guid> _committedHalves = [];
    private readonly Dictionary<Guid, int> _split = [];
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
    /// <exception cref="InvalidDataException">The content has another size; it is not stored.</exception>
    public async Task AddAsync(string objectId, long size, Stream content, CancellationToken cancellationToken)
    {
        // Begins with the time, by which pieces of a writer that died are known to be old.
        var contentId = Guid.CreateVersion7(_database.Time.GetUtcNow());
        int pieces;
        try
        {
            pieces = await CompressAsync(contentId, objectId, size, content, cancellationToken);
        }
        catch
        {
            // Nobody's pieces; those that are committed already go when this is disposed.
            _bytes -= _pieces.Where(p => p.ContentId == contentId).Sum(p => (long)p.Data.Length);
            _pieces.RemoveAll(p => p.ContentId == contentId);
            throw;
        }

        if (_committedHalves.Remove(contentId))
            _split[contentId] = pieces;
        _blobs.Add(new Blob { SourceId = _sourceId, ObjectId = objectId, ContentId = contentId, Size = size, StoredAt = default });
        if (_bytes >= BatchBytes || _blobs.Count >= BatchBlobs)
            await FlushAsync(cancellationToken);
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
        _split.Clear();
        _bytes = 0;
    }

    /// <summary>Forgets what was added and not flushed, and takes back the pieces of blobs whose content broke off.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_committedHalves.Count == 0)
            return;
        try
        {
            await _database.WriteAsync(
                (context, token) => context.BlobChunks.Where(c => _committedHalves.Contains(c.ContentId)).ExecuteDeleteAsync(token), CancellationToken.None);
        }
        catch (Exception e) when (TransientErrors.IsTransient(e) || TransientErrors.IsConnectionLost(e))
        {
            // Pieces of no blob are invisible; collecting garbage removes them.
        }
    }

    /// <returns>How many pieces it has.</returns>
    private async Task<int> CompressAsync(Guid contentId, string objectId, long size, Stream content, CancellationToken cancellationToken)
    {
        var count = 0;
        using var pieces = new PieceStream(piece =>
        {
            count++;
            _pieces.Add(new BlobChunk { ContentId = contentId, Place = piece.Place, SourceId = _sourceId, Data = piece.Data });
            _bytes += piece.Data.Length;
        });
        var left = size;
        await using (var compressed = new ZLibStream(pieces, CompressionLevel.Fastest, leaveOpen: true))
        {
            var buffer = new byte[(int)Math.Clamp(size, 1, CopyBytes)];
            while (await content.ReadAsync(buffer, cancellationToken) is > 0 and var read)
            {
                left -= read;
                await compressed.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                if (_bytes >= BatchBytes)
                {
                    _committedHalves.Add(contentId);
                    await FlushAsync(cancellationToken);
                }
            }
        }

        if (left != 0)
            throw new InvalidDataException($"The blob {objectId} should have {size} bytes, and has {size - left}.");
        pieces.Complete();
        return count;
    }

    private async Task<bool> CommitAsync(StoreContext context, CancellationToken cancellationToken)
    {
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        if (_split.Count > 0)
            await new StoreSession(context).ReadAsync(CollectStatements.SharePiecesLock, [("id", _sourceId)], _ => true, cancellationToken);
        var ids = _blobs.Select(b => b.ObjectId).ToList();
        var stored = await context.Blobs.Where(b => b.SourceId == _sourceId && ids.Contains(b.ObjectId))
            .ToDictionaryAsync(b => b.ObjectId, b => b.ContentId, cancellationToken);
        // Stored under our own content id: by an earlier try of this commit, whose answer was lost. It is done.
        var done = _blobs.Where(b => stored.GetValueOrDefault(b.ObjectId) == b.ContentId).Select(b => b.ContentId).ToHashSet();
        var added = _blobs.Where(b => !stored.ContainsKey(b.ObjectId)).DistinctBy(b => b.ObjectId).ToList();
        var superfluous = _blobs.Select(b => b.ContentId).Except(done).Except(added.Select(b => b.ContentId)).ToHashSet();

        // Pieces of a large blob may have been committed before it showed that somebody else had stored it.
        if (superfluous.Count > 0)
            await context.BlobChunks.Where(c => superfluous.Contains(c.ContentId)).ExecuteDeleteAsync(cancellationToken);
        var now = await SourceWakeups.NowAsync(context, cancellationToken);
        context.AddRange(_pieces.Where(p => !superfluous.Contains(p.ContentId) && !done.Contains(p.ContentId)).Select(p =>
            new BlobChunk { ContentId = p.ContentId, Place = p.Place, SourceId = p.SourceId, Data = p.Data }));
        context.AddRange(added.Select(b =>
            new Blob { SourceId = b.SourceId, ObjectId = b.ObjectId, ContentId = b.ContentId, Size = b.Size, StoredAt = now }));
        await context.SaveChangesAsync(cancellationToken);
        await RequireAllPiecesAsync(context, added.Where(b => _split.ContainsKey(b.ContentId)).ToList(), cancellationToken);
        return true;
    }

    /// <summary>
    /// A writer that slept for hours between two transactions may find the pieces of the first collected as garbage: a blob without them must not be there. None
    /// are removed from here to the commit.
    /// </summary>
    private async Task RequireAllPiecesAsync(StoreContext context, List<Blob> added, CancellationToken cancellationToken)
    {
        foreach (var blob in added)
        {
            if (await context.BlobChunks.CountAsync(c => c.ContentId == blob.ContentId, cancellationToken) != _split[blob.ContentId])
                throw new InvalidDataException($"Pieces of the blob {blob.ObjectId} were collected before it was complete: its writer took too long.");
        }
    }
}
