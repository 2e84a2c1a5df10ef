using System.IO.Compression;
using System.Text;

namespace Ampora.Store.Snapshots;

/// <summary>
/// A manifest as bytes: a format version, then, compressed with zlib, the number of entries and for each one how many bytes its path
/// shares with the one before, the rest of the path, mode, object id, and size + 1 (0 for none). Numbers are 7-bit encoded, texts Latin-1
/// behind their length, ids raw.
/// </summary>
internal static class ManifestFormat
{
    private const byte Version = 1;

    // A million entries are read into memory by design; more than that was refused before it was stored.
    private const int MaxEntries = 10_000_000;

    // Twice what a check may be set to let in; it only keeps a damaged length from taking memory.
    private const int MaxPathBytes = 128 * 1024;

    private const int MaxModeBytes = 16;

    private const int MaxIdBytes = 32;

    public static void Write(Manifest manifest, Stream bytes)
    {
        bytes.WriteByte(Version);
        using (var compressed = new ZLibStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        using (var buffered = new BufferedStream(compressed, 64 * 1024))
        using (var writer = new BinaryWriter(buffered, Encoding.Latin1))
        {
            writer.Write7BitEncodedInt(manifest.Entries.Count);
            var before = "";
            foreach (var entry in manifest.Entries)
            {
                var shared = Shared(before, entry.Path);
                writer.Write7BitEncodedInt(shared);
                writer.Write(entry.Path[shared..]);
                writer.Write(entry.Mode);
                var id = Convert.FromHexString(entry.ObjectId);
                writer.Write((byte)id.Length);
                writer.Write(id);
                writer.Write7BitEncodedInt64(entry.Size is { } size ? size + 1 : 0);
                before = entry.Path;
            }
        }
    }

    /// <exception cref="InvalidDataException">It is not a manifest of this version, or it is damaged.</exception>
    public static Manifest Read(byte[] bytes) => new([.. ReadEntries(bytes)]);

    /// <summary>Reads entry by entry, so that a tree that is looked through once is never in memory as a whole.</summary>
    /// <exception cref="InvalidDataException">It is not a manifest of this version, or it is damaged: thrown where that shows.</exception>
    public static IEnumerable<ManifestEntry> ReadEntries(byte[] bytes)
    {
        if (bytes.Length == 0 || bytes[0] != Version)
            throw new InvalidDataException("The stored manifest has a format that this version does not know.");
        using var compressed = new ZLibStream(new MemoryStream(bytes, 1, bytes.Length - 1), CompressionMode.Decompress);
        using var buffered = new BufferedStream(compressed, 64 * 1024);
        using var reader = new BinaryReader(buffered, Encoding.Latin1);
        var count = Number(reader, MaxEntries);
        var modes = new Dictionary<string, string>(StringComparer.Ordinal);
        var before = "";
        for (var i = 0L; i < count; i++)
        {
            var shared = (int)Number(reader, before.Length);
            var path = string.Concat(before.AsSpan(0, shared), Text(reader, MaxPathBytes - shared));
            // Modes are a handful of texts: kept once each, not once an entry.
            var mode = Text(reader, MaxModeBytes);
            mode = modes.TryGetValue(mode, out var known) ? known : modes[mode] = mode;
            var id = Convert.ToHexStringLower(Bytes(reader, (int)Number(reader, MaxIdBytes)));
            var size = Number(reader, long.MaxValue);
            yield return new ManifestEntry(path, mode, id, size == 0 ? null : size - 1);
            before = path;
        }
    }

    private static long Number(BinaryReader reader, long most)
    {
        long number;
        try
        {
            number = reader.Read7BitEncodedInt64();
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException)
        {
            throw Damaged();
        }

        return number >= 0 && number <= most ? number : throw Damaged();
    }

    private static string Text(BinaryReader reader, int most) => Encoding.Latin1.GetString(Bytes(reader, (int)Number(reader, most)));

    private static byte[] Bytes(BinaryReader reader, int count) => reader.ReadBytes(count) is var bytes && bytes.Length == count ? bytes : throw Damaged();

    private static InvalidDataException Damaged() => new("The stored manifest is damaged.");

    private static int Shared(string a, string b)
    {
        var n = Math.Min(a.Length, b.Length);
        for (var i = 0; i < n; i++)
        {
            if (a[i] != b[i])
                return i;
        }

        return n;
    }
}
