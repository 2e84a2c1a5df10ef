using System.IO.Compression;
using System.Text;

namespace Ampora.Store.Snapshots;

/// <summary>
/// A manifest as bytes: a format version, then, compressed with zlib, the number of entries and for each one how many bytes its path
/// shares with the one before, the rest of the path, mode, object id, and size + 1 (0 for none). Numbers are 7-bit encoded, texts Latin-1
/// behind their length, ids raw. <see cref="ManifestReader"/> reads it.
/// </summary>
internal static class ManifestFormat
{
    public const byte Version = 1;

    // Far more than any tree has that was not refused before it was stored.
    public const int MaxEntries = 10_000_000;

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
