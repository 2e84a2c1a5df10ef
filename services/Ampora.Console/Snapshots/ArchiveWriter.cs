using System.Buffers;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Ampora.Store.Snapshots;

namespace Ampora.Console.Snapshots;

/// <summary>
/// Writes a revision as <c>tar.gz</c>, as it is read from the store: the same bytes each time, and unpacked the same bytes as <c>git archive</c> makes of the
/// commit when no attributes of the repository tell it otherwise.
/// </summary>
internal sealed class ArchiveWriter(SnapshotStore store)
{
    // What is compressed at once; the same pieces each time, so that the same bytes come out.
    private const int PieceBytes = 64 * 1024;

    // What Linux allows of a link's target. A longer one, which no system can make, becomes a file with the target in it.
    private const int MaxTargetBytes = 4096;

    /// <summary>Writes an archive.</summary>
    /// <param name="output">Where to; it stays open.</param>
    /// <param name="sourceId">The source.</param>
    /// <param name="sha">The commit.</param>
    /// <param name="committedAt">The time that all entries get.</param>
    /// <param name="entries">The files, symbolic links and submodules, and all directories: those without anything in them are left out.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidDataException">A content is not kept any more, or damaged: what was written so far is not the archive.</exception>
    public async Task WriteAsync(
        Stream output, string sourceId, string sha, DateTimeOffset committedAt, IEnumerable<ManifestEntry> entries, CancellationToken cancellationToken)
    {
        // Neither a file's name nor a time goes into the head (RFC 1952): the same archive is the same bytes.
        await using var compressed = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
        var tar = new Tar(compressed, committedAt.ToUnixTimeSeconds());
        await tar.WriteAsync(TarFormat.GlobalHeader(sha, tar.Time), cancellationToken);
        var open = new Stack<ManifestEntry>();
        var written = 0;
        // As Git sorts trees: a directory as if its name ended in a slash, and with that everything in it right behind it.
        foreach (var entry in entries.OrderBy(e => e.IsDirectory ? e.Path + '/' : e.Path, StringComparer.Ordinal))
        {
            while (open.TryPeek(out var parent) && !entry.Path.StartsWith(parent.Path + '/', StringComparison.Ordinal))
            {
                open.Pop();
                written = Math.Min(written, open.Count);
            }

            if (entry.IsDirectory)
            {
                open.Push(entry);
                continue;
            }

            foreach (var directory in open.Reverse().Skip(written))
                await tar.WriteDirectoryAsync(directory, cancellationToken);
            written = open.Count;
            await WriteAsync(tar, sourceId, entry, cancellationToken);
        }

        await tar.CompleteAsync(cancellationToken);
    }

    private async Task WriteAsync(Tar tar, string sourceId, ManifestEntry entry, CancellationToken cancellationToken)
    {
        if (entry.IsSubmodule)
        {
            await tar.WriteDirectoryAsync(entry, cancellationToken);
            return;
        }

        await using var content = await store.OpenBlobAsync(sourceId, entry.ObjectId, cancellationToken)
            ?? throw new InvalidDataException($"The content of {entry.ObjectId} is not kept any more.");
        var size = entry.Size ?? content.Length;
        if (entry.Mode == "120000" && size <= MaxTargetBytes)
        {
            var target = new byte[size];
            await content.ReadExactlyAsync(target, cancellationToken);
            await tar.WriteAsync(TarFormat.Entry('2', entry.Path, entry.Mode, entry.ObjectId, 0, tar.Time, Encoding.Latin1.GetString(target)), cancellationToken);
            return;
        }

        await tar.WriteAsync(TarFormat.Entry('0', entry.Path, entry.Mode, entry.ObjectId, size, tar.Time, ""), cancellationToken);
        await tar.CopyAsync(content, size, cancellationToken);
    }

    private sealed class Tar(Stream output, long time)
    {
        private long _bytes;

        public long Time => time;

        public async Task WriteAsync(ReadOnlyMemory<byte> records, CancellationToken cancellationToken)
        {
            await output.WriteAsync(records, cancellationToken);
            _bytes += records.Length;
        }

        public Task WriteDirectoryAsync(ManifestEntry entry, CancellationToken cancellationToken) =>
            WriteAsync(TarFormat.Entry('5', entry.Path + '/', entry.Mode, entry.ObjectId, 0, time, ""), cancellationToken);

        public async Task CopyAsync(Stream content, long size, CancellationToken cancellationToken)
        {
            var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
            try
            {
                for (var left = size; left > 0;)
                {
                    // The last piece takes the padding along.
                    var wanted = (int)Math.Min(left, PieceBytes);
                    await content.ReadExactlyAsync(piece.AsMemory(0, wanted), cancellationToken);
                    left -= wanted;
                    var padded = (wanted + TarFormat.RecordBytes - 1) / TarFormat.RecordBytes * TarFormat.RecordBytes;
                    piece.AsSpan(wanted, padded - wanted).Clear();
                    await WriteAsync(piece.AsMemory(0, padded), cancellationToken);
                }
            }
            catch (EndOfStreamException e)
            {
                throw new InvalidDataException($"A stored content has less than {size.ToString(CultureInfo.InvariantCulture)} bytes.", e);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(piece);
            }
        }

        // Two empty records are the end, and a whole block it has to be.
        public Task CompleteAsync(CancellationToken cancellationToken)
        {
            var tail = TarFormat.BlockBytes - (int)(_bytes % TarFormat.BlockBytes);
            return WriteAsync(new byte[tail < 2 * TarFormat.RecordBytes ? tail + TarFormat.BlockBytes : tail], cancellationToken);
        }
    }
}
