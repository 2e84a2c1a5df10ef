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

    /// <exception cref="InvalidDataException">It is not a manifest of this version.</exception>
    public static Manifest Read(byte[] bytes)
    {
        if (bytes.Length == 0 || bytes[0] != Version)
            throw new InvalidDataException("The stored manifest has a format that this version does not know.");
        using var compressed = new ZLibStream(new MemoryStream(bytes, 1, bytes.Length - 1), CompressionMode.Decompress);
        using var buffered = new BufferedStream(compressed, 64 * 1024);
        using var reader = new BinaryReader(buffered, Encoding.Latin1);
        var count = reader.Read7BitEncodedInt();
        if (count is < 0 or > MaxEntries)
            throw new InvalidDataException("The stored manifest is damaged.");
        var entries = new List<ManifestEntry>(count);
        var modes = new Dictionary<string, string>(StringComparer.Ordinal);
        var before = "";
        for (var i = 0; i < count; i++)
        {
            var shared = reader.Read7BitEncodedInt();
            if (shared < 0 || shared > before.Length)
                throw new InvalidDataException("The stored manifest is damaged.");
            var path = string.Concat(before.AsSpan(0, shared), reader.ReadString());
            // Modes are a handful of texts: kept once each, not once an entry.
            var mode = reader.ReadString();
            mode = modes.TryGetValue(mode, out var known) ? known : modes[mode] = mode;
            var id = Convert.ToHexStringLower(reader.ReadBytes(reader.ReadByte()));
            var size = reader.Read7BitEncodedInt64();
            entries.Add(new ManifestEntry(path, mode, id, size == 0 ? null : size - 1));
            before = path;
        }

        return new Manifest(entries);
    }

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
