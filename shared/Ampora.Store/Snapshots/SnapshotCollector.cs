using System.Buffers.Binary;
using Ampora.Database;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups;

namespace Ampora.Store.Snapshots;

/// <summary>
/// Removes what nobody needs of sources' snapshots, beside any number of sweepers that store others: snapshots beyond those to be kept, blobs that no manifest names,
/// pieces that belong to nothing. Every transaction is small. docs/decisions/0013 says why nothing that is needed goes.
/// </summary>
/// <param name="database">Where they are kept.</param>
/// <param name="times">How long is waited for what a check may still need; the same for all processes.</param>
public sealed class SnapshotCollector(Database<StoreContext> database, SnapshotTimes times)
{
    // A transaction of each holds the one writer of SQLite for some milliseconds.
    private const int SnapshotsAtOnce = 50;

    private const int BlobsAtOnce = 500;

    // Each has at most a megabyte, but SQLite walks through all of its pages to free them.
    private const int PiecesAtOnce = 64;

    // Looked through between two rounds of removing.
    private const int BlobsRead = 5000;

    /// <summary>Finds the sources that have more visible snapshots than they may, or one that a check left staged.</summary>
    /// <param name="keep">How many are kept.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<string>> FindOverfullAsync(int keep, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var before = await SourceWakeups.NowAsync(context, cancellationToken) - times.Grace;
        var session = await StoreSession.OpenAsync(context, cancellationToken);
        return await session.ReadAsync(CollectStatements.Overfull, [("keep", keep), ("before", before)], row => row.String(0), cancellationToken);
    }

    /// <summary>Removes what nobody needs of one source.</summary>
    /// <param name="sourceId">The source.</param>
    /// <param name="keep">So many of the newest visible snapshots stay, and the current one always.</param>
    /// <param name="cancellationToken">Ends the wait; what was removed stays removed.</param>
    /// <exception cref="InvalidDataException">A manifest is damaged or was removed meanwhile, so nobody knows which blobs it names: no blob was removed.</exception>
    public async Task<Collected> CollectAsync(string sourceId, int keep, CancellationToken cancellationToken)
    {
        DateTimeOffset before;
        await using (var context = database.Read())
            before = await SourceWakeups.NowAsync(context, cancellationToken) - times.Grace;
        var snapshots = await RemoveSnapshotsAsync(sourceId, keep, before, cancellationToken);
        // Listed after the time was read: a manifest that is staged from now on names no blob that was old by then.
        var blobs = await RemoveBlobsAsync(sourceId, await ReadNamedAsync(sourceId, cancellationToken), before, cancellationToken);
        return new Collected(snapshots, blobs, await RemovePiecesAsync(sourceId, before, cancellationToken));
    }

    private async Task<int> RemoveSnapshotsAsync(string sourceId, int keep, DateTimeOffset before, CancellationToken cancellationToken)
    {
        for (var total = 0; ;)
        {
            var removed = await database.WriteAsync(
                async (context, token) =>
                {
                    var session = new StoreSession(context);
                    await session.ReadAsync(CollectStatements.LockWakeup, [("id", sourceId)], _ => true, token);
                    return await session.ExecuteAsync(
                        CollectStatements.RemoveSnapshots, [("id", sourceId), ("keep", keep), ("before", before), ("limit", SnapshotsAtOnce)], token);
                },
                cancellationToken);
            total += removed;
            if (removed < SnapshotsAtOnce)
                return total;
        }
    }

    private async Task<HashSet<ulong>> ReadNamedAsync(string sourceId, CancellationToken cancellationToken)
    {
        List<Guid> manifests;
        await using (var context = database.Read())
        {
            var session = await StoreSession.OpenAsync(context, cancellationToken);
            manifests = await session.ReadAsync(CollectStatements.Manifests, [("id", sourceId)], row => row.Guid(0), cancellationToken);
        }

        var named = new HashSet<ulong>();
        foreach (var manifest in manifests)
        {
            await foreach (var entry in ManifestReader.ReadAsync(new StoredContent(database, manifest), cancellationToken))
            {
                if (entry is { IsDirectory: false, IsSubmodule: false })
                    named.Add(KeyOf(entry.ObjectId));
            }
        }

        return named;
    }

    private async Task<int> RemoveBlobsAsync(string sourceId, HashSet<ulong> named, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var removed = 0;
        for (var after = ""; ;)
        {
            List<string> old;
            await using (var context = database.Read())
            {
                var session = await StoreSession.OpenAsync(context, cancellationToken);
                old = await session.ReadAsync(
                    CollectStatements.OldBlobs, [("id", sourceId), ("after", after), ("before", before), ("limit", BlobsRead)], row => row.String(0), cancellationToken);
            }

            foreach (var ids in old.Where(id => !named.Contains(KeyOf(id))).Chunk(BlobsAtOnce))
            {
                removed += await database.WriteAsync(
                    (context, token) => new StoreSession(context).ExecuteAsync(
                        CollectStatements.RemoveBlobs, [("id", sourceId), ("ids", ids), ("before", before)], token),
                    cancellationToken);
            }

            if (old.Count < BlobsRead)
                return removed;
            after = old[^1];
        }
    }

    private async Task<int> RemovePiecesAsync(string sourceId, DateTimeOffset before, CancellationToken cancellationToken)
    {
        List<(Guid Content, int Pieces)> loose;
        await using (var context = database.Read())
        {
            var session = await StoreSession.OpenAsync(context, cancellationToken);
            loose = await session.ReadAsync(
                CollectStatements.LooseContents,
                [("id", sourceId), ("before_id", FirstContentAt(before))],
                row => (row.Guid(0), row.Int(1)),
                cancellationToken);
        }

        var removed = 0;
        var batch = new List<Guid>();
        var pieces = 0;
        foreach (var (content, count) in loose)
        {
            // A large one in steps from its end: what is left of it belongs to nothing all the same.
            for (var from = (count - 1) / PiecesAtOnce * PiecesAtOnce; from > 0; from -= PiecesAtOnce)
                removed += await RemovePiecesAsync(sourceId, [content], from, cancellationToken);
            batch.Add(content);
            pieces += Math.Min(count, PiecesAtOnce);
            if (pieces < PiecesAtOnce)
                continue;
            removed += await RemovePiecesAsync(sourceId, batch, 0, cancellationToken);
            batch.Clear();
            pieces = 0;
        }

        return batch.Count == 0 ? removed : removed + await RemovePiecesAsync(sourceId, batch, 0, cancellationToken);
    }

    private Task<int> RemovePiecesAsync(string sourceId, List<Guid> contents, int from, CancellationToken cancellationToken) => database.WriteAsync(
        async (context, token) =>
        {
            var session = new StoreSession(context);
            await session.ReadAsync(CollectStatements.TakePiecesLock, [("id", sourceId)], _ => true, token);
            // Upper case is how SQLite has them; PostgreSQL reads either.
            return await session.ExecuteAsync(
                CollectStatements.RemovePieces, [("contents", contents.Select(c => c.ToString().ToUpperInvariant()).ToArray()), ("from", from)], token);
        },
        cancellationToken);

    /// <summary>64 bits of an object id, since a source may have millions: where two share them, one that nobody needs stays for as long as the other.</summary>
    private static ulong KeyOf(string objectId) => BinaryPrimitives.ReadUInt64BigEndian(Convert.FromHexString(objectId.AsSpan(0, 16)));

    /// <summary>The smallest id of a content that is begun at a time: RFC 9562, version 7, begins with milliseconds since 1970.</summary>
    private static Guid FirstContentAt(DateTimeOffset time)
    {
        Span<byte> id = stackalloc byte[16];
        id.Clear();
        BinaryPrimitives.WriteInt64BigEndian(id, Math.Max(0, time.ToUnixTimeMilliseconds()) << 16);
        return new Guid(id, bigEndian: true);
    }
}

/// <summary>What was removed.</summary>
/// <param name="Snapshots">Snapshots.</param>
/// <param name="Blobs">Blobs that no manifest named.</param>
/// <param name="Pieces">Pieces of blobs and manifests.</param>
public sealed record Collected(int Snapshots, int Blobs, int Pieces);
