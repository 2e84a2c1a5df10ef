using System.IO.Compression;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Snapshots;

/// <summary>Stores trees and reads them back. Blobs are kept in compressed pieces and only ever streamed. Safe for concurrent use.</summary>
public sealed class SnapshotStore(Database<StoreContext> database)
{
    // Ids are asked for by the thousand: one round trip each, and no statement that grows with the tree.
    private const int IdsAtOnce = 5000;

    // A blob counts as used for longer than any check takes, so that its mark need not be renewed by every check.
    private static readonly TimeSpan UsedMark = TimeSpan.FromHours(1);

    /// <summary>Which of these blobs the source does not have yet; those that it has are marked as used within the last hour.</summary>
    public async Task<IReadOnlySet<string>> FindMissingAsync(string sourceId, IReadOnlyCollection<string> objectIds, CancellationToken cancellationToken)
    {
        var missing = objectIds.ToHashSet(StringComparer.Ordinal);
        foreach (var ids in objectIds.Distinct().Chunk(IdsAtOnce))
        {
            List<string> stale;
            await using (var context = database.Read())
            {
                var unmarked = await SourceWakeups.NowAsync(context, cancellationToken) - UsedMark;
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

        return missing;
    }

    /// <summary>Starts to store blobs of one source; many small ones share a transaction. The caller flushes and disposes the writer.</summary>
    /// <param name="sourceId">The source from whose fetch the content comes.</param>
    public BlobWriter WriteBlobs(string sourceId) => new(database, sourceId);

    /// <summary>Stores a manifest, invisible until the finish of its check; storing it again changes nothing.</summary>
    public async Task StageAsync(string sourceId, long config, string sha, Manifest manifest, CancellationToken cancellationToken)
    {
        var bytes = ManifestFormat.Write(manifest);
        try
        {
            await database.WriteAsync(
                async (context, token) =>
                {
                    if (await context.Snapshots.AnyAsync(s => s.SourceId == sourceId && s.Config == config && s.Sha == sha, token))
                        return;
                    context.Add(new Snapshot
                    {
                        SourceId = sourceId,
                        Config = config,
                        Sha = sha,
                        Manifest = bytes,
                        Files = manifest.Entries.Count(e => !e.IsDirectory),
                        Bytes = manifest.Entries.Sum(e => e.Size ?? 0),
                        Visible = false,
                        StoredAt = await SourceWakeups.NowAsync(context, token),
                    });
                    await context.SaveChangesAsync(token);
                },
                cancellationToken);
        }
        catch (DbUpdateException)
        {
            // Another sweeper that still believes in its lease was faster with the same tree.
            await using var context = database.Read();
            if (!await context.Snapshots.AnyAsync(s => s.SourceId == sourceId && s.Config == config && s.Sha == sha, cancellationToken))
                throw;
        }
    }

    /// <summary>Reads a manifest; null when there is none, or none that is visible (unless <paramref name="staged"/>).</summary>
    public async Task<Manifest?> ReadManifestAsync(string sourceId, long config, string sha, bool staged, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var bytes = await context.Snapshots.Where(s => s.SourceId == sourceId && s.Config == config && s.Sha == sha && (staged || s.Visible))
            .Select(s => s.Manifest).SingleOrDefaultAsync(cancellationToken);
        return bytes is null ? null : ManifestFormat.Read(bytes);
    }

    /// <summary>Opens a blob's content, to be read asynchronously; null when the source does not have it. The caller disposes the stream.</summary>
    public async Task<Stream?> OpenBlobAsync(string sourceId, string objectId, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var blob = await context.Blobs.Where(b => b.SourceId == sourceId && b.ObjectId == objectId)
            .Select(b => new { b.ContentId, b.Size }).SingleOrDefaultAsync(cancellationToken);
        return blob is null
            ? null
            : new WholeStream(new ZLibStream(new StoredContent(database, blob.ContentId), CompressionMode.Decompress), blob.Size);
    }
}
