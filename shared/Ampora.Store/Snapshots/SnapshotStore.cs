using System.IO.Compression;
using System.Runtime.CompilerServices;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Snapshots;

/// <summary>Stores trees and reads them back. Blobs are kept in compressed pieces and only ever streamed. Safe for concurrent use.</summary>
/// <param name="database">Where they are kept.</param>
/// <param name="times">What keeps them from being collected too soon; the same for all processes.</param>
public sealed class SnapshotStore(Database<StoreContext> database, SnapshotTimes times)
{
    // Ids are asked for by the thousand: one round trip each, and no statement that grows with the tree.
    private const int IdsAtOnce = 5000;

    /// <summary>
    /// Which of these blobs the source does not have yet; those that it has are marked as used, so that they are not collected before the manifest that names them
    /// is staged.
    /// </summary>
    public async Task<MissingBlobs> FindMissingAsync(string sourceId, IReadOnlyCollection<string> objectIds, CancellationToken cancellationToken)
    {
        DateTimeOffset lookedAt;
        await using (var context = database.Read())
            lookedAt = await SourceWakeups.NowAsync(context, cancellationToken);
        var unmarked = lookedAt - times.MarkHolds;
        var missing = objectIds.ToHashSet(StringComparer.Ordinal);
        foreach (var ids in objectIds.Distinct().Chunk(IdsAtOnce))
        {
            List<string> stale;
            await using (var context = database.Read())
            {
                var present = await context.Blobs.Where(b => b.SourceId == sourceId && ids.Contains(b.ObjectId))
                    .Select(b => new { b.ObjectId, Stale = b.StoredAt < unmarked }).ToListAsync(cancellationToken);
                missing.ExceptWith(present.Select(b => b.ObjectId));
                stale = [.. present.Where(b => b.Stale).Select(b => b.ObjectId)];
            }

            if (stale.Count == 0)
                continue;
            var kept = await database.WriteAsync(
                async (context, token) =>
                {
                    var now = await SourceWakeups.NowAsync(context, token);
                    var found = context.Blobs.Where(b => b.SourceId == sourceId && stale.Contains(b.ObjectId));
                    await found.ExecuteUpdateAsync(set => set.SetProperty(b => b.StoredAt, now), token);
                    return await found.Select(b => b.ObjectId).ToListAsync(token);
                },
                cancellationToken);
            // What was removed between the two looks has to be fetched after all.
            missing.UnionWith(stale.Except(kept, StringComparer.Ordinal));
        }

        return new MissingBlobs(missing, lookedAt);
    }

    /// <summary>Starts to store blobs of one source; many small ones share a transaction. The caller flushes and disposes the writer.</summary>
    /// <param name="sourceId">The source from whose fetch the content comes.</param>
    public BlobWriter WriteBlobs(string sourceId) => new(database, sourceId);

    /// <summary>Stores a manifest whose blobs are all there, invisible until the finish of its check; storing it again only makes it new.</summary>
    /// <param name="sourceId">The source.</param>
    /// <param name="config">The version of its settings.</param>
    /// <param name="sha">The commit.</param>
    /// <param name="manifest">The tree.</param>
    /// <param name="lookedAt">When the caller looked for missing blobs: <see cref="MissingBlobs.LookedAt"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>
    /// False when that is longer ago than <see cref="SnapshotTimes.StageWithin"/>, perhaps because the machine slept: the blobs may have been collected since. Look
    /// again, store what is missing, and stage again.
    /// </returns>
    public async Task<bool> StageAsync(
        string sourceId, long config, string sha, Manifest manifest, DateTimeOffset lookedAt, CancellationToken cancellationToken)
    {
        var manifestId = Guid.CreateVersion7(database.Time.GetUtcNow());
        List<BlobChunk> pieces = [];
        using (var stream = new PieceStream(piece =>
            pieces.Add(new BlobChunk { ContentId = manifestId, Place = piece.Place, SourceId = sourceId, Data = piece.Data })))
        {
            ManifestFormat.Write(manifest, stream);
            stream.Complete();
        }

        try
        {
            return await database.WriteAsync(
                async (context, token) =>
                {
                    var now = await SourceWakeups.NowAsync(context, token);
                    if ((now - lookedAt).Duration() > times.StageWithin)
                        return false;
                    // One that is about to be removed, because its check never finished, is this check's from now on.
                    var renewed = await context.Snapshots.Where(s => s.SourceId == sourceId && s.Config == config && s.Sha == sha)
                        .ExecuteUpdateAsync(set => set.SetProperty(s => s.StoredAt, now), token);
                    if (renewed > 0)
                        return true;
                    context.Add(new Snapshot
                    {
                        SourceId = sourceId,
                        Config = config,
                        Sha = sha,
                        ManifestId = manifestId,
                        Files = manifest.Entries.Count(e => !e.IsDirectory),
                        Bytes = manifest.Entries.Sum(e => e.Size ?? 0),
                        Visible = false,
                        StoredAt = now,
                    });
                    context.AddRange(pieces.Select(p => new BlobChunk { ContentId = p.ContentId, Place = p.Place, SourceId = p.SourceId, Data = p.Data }));
                    await context.SaveChangesAsync(token);
                    return true;
                },
                cancellationToken);
        }
        catch (DbUpdateException)
        {
            // Another sweeper that still believes in its lease was faster with the same tree.
            await using var context = database.Read();
            if (!await context.Snapshots.AnyAsync(s => s.SourceId == sourceId && s.Config == config && s.Sha == sha, cancellationToken))
                throw;
            return true;
        }
    }

    /// <summary>Reads a manifest; null when there is none, or none that is visible (unless <paramref name="staged"/>).</summary>
    public async Task<Manifest?> ReadManifestAsync(string sourceId, long config, string sha, bool staged, CancellationToken cancellationToken) =>
        await ReadEntriesAsync(sourceId, config, sha, staged, cancellationToken) is { } entries ? new Manifest([.. entries]) : null;

    /// <summary>
    /// Reads a manifest to be looked through, entry by entry, by what cannot wait in between: what is in memory is its compressed form. Null when there is none, or
    /// none that is visible (unless <paramref name="staged"/>).
    /// </summary>
    public async Task<IEnumerable<ManifestEntry>?> ReadEntriesAsync(string sourceId, long config, string sha, bool staged, CancellationToken cancellationToken)
    {
        if (await FindManifestAsync(sourceId, config, sha, staged, cancellationToken) is not { } manifestId)
            return null;
        var bytes = new MemoryStream();
        await new StoredContent(database, manifestId).CopyToAsync(bytes, cancellationToken);
        bytes.Position = 0;
        // Retention removes the snapshot first and its pieces later: while it is there, they were.
        return await FindManifestAsync(sourceId, config, sha, staged, cancellationToken) == manifestId ? ManifestReader.Read(bytes) : null;
    }

    /// <summary>
    /// Reads the entries of a visible manifest one by one, in the order of their paths' bytes; none where there is no such manifest. However large the tree is, it
    /// is never in memory as a whole.
    /// </summary>
    /// <exception cref="InvalidDataException">It is damaged, or was removed while it was read.</exception>
    public async IAsyncEnumerable<ManifestEntry> StreamEntriesAsync(
        string sourceId, long config, string sha, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (await FindManifestAsync(sourceId, config, sha, staged: false, cancellationToken) is not { } manifestId)
            yield break;
        await foreach (var entry in ManifestReader.ReadAsync(new StoredContent(database, manifestId), cancellationToken))
            yield return entry;
    }

    /// <summary>Finds the entry of a path in a visible manifest, reading no further than its place; null when there is none.</summary>
    /// <param name="sourceId">The source.</param>
    /// <param name="config">The version of its settings.</param>
    /// <param name="sha">The commit.</param>
    /// <param name="path">The path as the manifest has it: raw bytes, each one char.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<ManifestEntry?> FindEntryAsync(string sourceId, long config, string sha, string path, CancellationToken cancellationToken)
    {
        await foreach (var entry in StreamEntriesAsync(sourceId, config, sha, cancellationToken))
        {
            if (string.CompareOrdinal(entry.Path, path) is >= 0 and var order)
                return order == 0 ? entry : null;
        }

        return null;
    }

    /// <summary>
    /// Opens a blob's content, to be read asynchronously and from any position; null when the source does not have it. The caller disposes the stream. To go to a
    /// position costs decompressing what lies before it.
    /// </summary>
    public async Task<Stream?> OpenBlobAsync(string sourceId, string objectId, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var blob = await context.Blobs.Where(b => b.SourceId == sourceId && b.ObjectId == objectId)
            .Select(b => new { b.ContentId, b.Size }).SingleOrDefaultAsync(cancellationToken);
        return blob is null
            ? null
            : new BlobStream(() => new ZLibStream(new StoredContent(database, blob.ContentId), CompressionMode.Decompress), blob.Size);
    }

    private async Task<Guid?> FindManifestAsync(string sourceId, long config, string sha, bool staged, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return await context.Snapshots.Where(s => s.SourceId == sourceId && s.Config == config && s.Sha == sha && (staged || s.Visible))
            .Select(s => (Guid?)s.ManifestId).SingleOrDefaultAsync(cancellationToken);
    }
}

/// <summary>What a look for blobs found.</summary>
/// <param name="ObjectIds">Those that the source does not have.</param>
/// <param name="LookedAt">When the look began, by the database's clock.</param>
public sealed record MissingBlobs(IReadOnlySet<string> ObjectIds, DateTimeOffset LookedAt);
