using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;

namespace Ampora.Store.Snapshots;

/// <summary>Reads what <see cref="ManifestFormat"/> writes, an entry at a time: of a tree of any size only some kilobytes are in memory.</summary>
internal static class ManifestReader
{
    private const int BufferBytes = 64 * 1024;

    // Twice what a check may be set to let in; it only keeps a damaged length from taking memory.
    private const int MaxPathBytes = 128 * 1024;

    private const int MaxModeBytes = 16;

    private const int MaxIdBytes = 32;

    // With room for the numbers between.
    private const int MaxEntryBytes = 2 * MaxPathBytes;

    /// <summary>Reads what is in memory.</summary>
    /// <param name="stored">The manifest as it is stored.</param>
    /// <exception cref="InvalidDataException">It is not a manifest of this version, or damaged: thrown where that shows.</exception>
    public static IEnumerable<ManifestEntry> Read(MemoryStream stored) =>
        // Nothing of it ever waits.
        ReadAsync(stored, CancellationToken.None).ToBlockingEnumerable();

    /// <summary>Reads the entries, in the order of their paths' bytes.</summary>
    /// <param name="stored">The manifest as it is stored; disposed at the end.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidDataException">It is not a manifest of this version, or damaged.</exception>
    public static async IAsyncEnumerable<ManifestEntry> ReadAsync(Stream stored, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var owned = stored;
        var version = new byte[1];
        if (await stored.ReadAsync(version, cancellationToken) != 1 || version[0] != ManifestFormat.Version)
            throw new InvalidDataException("The stored manifest has a format that this version does not know, or was removed while it was read.");

        await using var content = new ZLibStream(stored, CompressionMode.Decompress);
        var buffer = new byte[BufferBytes];
        int start = 0, end = 0;
        var count = -1L;
        var entries = new Entries();
        for (var n = 0L; n != count;)
        {
            if (count < 0 && TryReadCount(buffer.AsSpan(start, end - start), out count, out var used))
            {
                start += used;
                continue;
            }

            if (count >= 0 && entries.TryRead(buffer.AsSpan(start, end - start), out var entry, out used))
            {
                start += used;
                n++;
                yield return entry;
                continue;
            }

            if (start > 0)
                buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            if (end == buffer.Length)
                Array.Resize(ref buffer, end < MaxEntryBytes ? end * 2 : throw Damaged());
            var read = await content.ReadAsync(buffer.AsMemory(end), cancellationToken);
            end += read > 0 ? read : throw Damaged();
        }

        // The checksum at the end is looked at when it is reached.
        if (start != end || await content.ReadAsync(buffer, cancellationToken) != 0)
            throw Damaged();
    }

    private static bool TryReadCount(ReadOnlySpan<byte> bytes, out long count, out int used)
    {
        var cursor = new Cursor(bytes);
        var complete = cursor.TryReadNumber(out count);
        used = cursor.Position;
        if (!complete)
            count = -1;
        else if (count is < 0 or > ManifestFormat.MaxEntries)
            throw Damaged();
        return complete;
    }

    private static InvalidDataException Damaged() => new("The stored manifest is damaged, or was removed while it was read.");

    /// <summary>What entries share with the ones before.</summary>
    private sealed class Entries
    {
        // Modes are a handful of texts: kept once each, not once an entry.
        private readonly Dictionary<string, string> _modes = new(StringComparer.Ordinal);
        private string _before = "";

        /// <returns>False when the entry is not complete in <paramref name="bytes"/>.</returns>
        public bool TryRead(ReadOnlySpan<byte> bytes, out ManifestEntry entry, out int used)
        {
            entry = null!;
            used = 0;
            var cursor = new Cursor(bytes);
            if (!cursor.TryReadNumber(out var shared) || !cursor.TryReadNumber(out var rest) || !cursor.TryReadBytes(rest, MaxPathBytes, out var path)
                || !cursor.TryReadNumber(out var length) || !cursor.TryReadBytes(length, MaxModeBytes, out var mode)
                || !cursor.TryReadNumber(out var idLength) || !cursor.TryReadBytes(idLength, MaxIdBytes, out var id)
                || !cursor.TryReadNumber(out var size))
            {
                return false;
            }

            if (shared < 0 || shared > _before.Length || shared + rest > MaxPathBytes || size < 0)
                throw Damaged();
            _before = string.Concat(_before.AsSpan(0, (int)shared), Encoding.Latin1.GetString(path));
            var modeText = Encoding.Latin1.GetString(mode);
            modeText = _modes.TryGetValue(modeText, out var known) ? known : _modes[modeText] = modeText;
            entry = new ManifestEntry(_before, modeText, Convert.ToHexStringLower(id), size == 0 ? null : size - 1);
            used = cursor.Position;
            return true;
        }
    }

    private ref struct Cursor(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int Position { get; private set; }

        /// <summary>As <see cref="BinaryWriter.Write7BitEncodedInt64"/> writes it; the shorter form is the same for what fits.</summary>
        public bool TryReadNumber(out long value)
        {
            value = 0;
            for (var shift = 0; Position < _bytes.Length; shift += 7)
            {
                if (shift > 63)
                    throw Damaged();
                var part = _bytes[Position++];
                value |= (long)(part & 0x7f) << shift;
                if (part < 0x80)
                    return true;
            }

            return false;
        }

        public bool TryReadBytes(long count, int atMost, out ReadOnlySpan<byte> value)
        {
            if (count < 0 || count > atMost)
                throw Damaged();
            value = default;
            if (count > _bytes.Length - Position)
                return false;
            value = _bytes.Slice(Position, (int)count);
            Position += (int)count;
            return true;
        }
    }
}
