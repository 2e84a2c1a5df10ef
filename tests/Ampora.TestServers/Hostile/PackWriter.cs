using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.TestServers.Hostile;

/// <summary>
/// Writes a pack by hand (gitformat-pack), with objects that no repository of a friend holds: blobs of zeros of any size, and deltas that
/// unfold to more than any machine has. Nothing large is ever held here.
/// </summary>
public sealed class PackWriter
{
    private const int ReferenceDelta = 7;

    // What a delta copies at a time: its size's highest byte is one byte of the instruction.
    private const int CopiedBytes = 0xF0 << 16;

    /// <summary>Blobs of zeros are so many bytes, or a multiple.</summary>
    private const int ZerosPiece = 1024 * 1024;

    private readonly List<byte[]> _objects = [];

    /// <summary>Adds an object that is what its id says.</summary>
    /// <returns>Its id.</returns>
    public string Add(string type, byte[] content)
    {
        _objects.Add([.. Header(type switch { "commit" => 1, "tree" => 2, _ => 3 }, content.Length), .. Stored(content)]);
        return Convert.ToHexStringLower(Hash([.. Encoding.ASCII.GetBytes($"{type} {content.Length}\0"), .. content]));
    }

    /// <summary>Adds a commit without parents.</summary>
    public string AddCommit(string tree) => Add(
        "commit", Encoding.ASCII.GetBytes($"tree {tree}\nauthor Eve <eve@example.org> 1700000000 +0000\ncommitter Eve <eve@example.org> 1700000000 +0000\n\nTake this\n"));

    /// <summary>Adds a blob of zeros, of which a thousandth is sent.</summary>
    public string AddZeros(long size)
    {
        _objects.Add([.. Header(3, size), .. Zeros(size)]);
        return IdOfZeros(size);
    }

    /// <summary>Adds a blob that is a copy of the beginning of another, again and again.</summary>
    /// <param name="baseId">The blob that is copied.</param>
    /// <param name="baseSize">Its size.</param>
    /// <param name="copies">How many times.</param>
    /// <returns>The size that it unfolds to.</returns>
    public long AddCopies(string baseId, long baseSize, int copies)
    {
        var size = (long)copies * CopiedBytes;
        byte[] delta = [.. Number(baseSize), .. Number(size), .. Enumerable.Repeat<byte[]>([0xC0, 0xF0], copies).SelectMany(copy => copy)];
        _objects.Add([.. Header(ReferenceDelta, delta.Length), .. Convert.FromHexString(baseId), .. Stored(delta)]);
        return size;
    }

    /// <summary>The whole pack.</summary>
    public byte[] ToArray()
    {
        var pack = new MemoryStream();
        pack.Write("PACK"u8);
        var number = new byte[4];
        foreach (var value in new[] { 2, _objects.Count })
        {
            BinaryPrimitives.WriteInt32BigEndian(number, value);
            pack.Write(number);
        }

        foreach (var entry in _objects)
            pack.Write(entry);
        pack.Write(Hash(pack.GetBuffer().AsSpan(0, (int)pack.Length)));
        return pack.ToArray();
    }

    /// <summary>An entry of a tree object.</summary>
    public static byte[] TreeEntry(string mode, string name, string id) =>
        [.. Encoding.ASCII.GetBytes($"{mode} {name}\0"), .. Convert.FromHexString(id)];

    /// <summary>The id of a blob of zeros.</summary>
    public static string IdOfZeros(long size)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {size}\0"));
        var zeros = new byte[ZerosPiece];
        for (var left = size; left > 0; left -= ZerosPiece)
            hash.AppendData(zeros);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static byte[] Hash(ReadOnlySpan<byte> content)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(content);
        return hash.GetHashAndReset();
    }

    // Four bits of the size, then seven at a time.
    private static List<byte> Header(int type, long size)
    {
        var header = new List<byte>();
        var current = (type << 4) | (int)(size & 15);
        for (size >>= 4; size > 0; size >>= 7)
        {
            header.Add((byte)(current | 0x80));
            current = (int)(size & 0x7f);
        }

        header.Add((byte)current);
        return header;
    }

    private static List<byte> Number(long value)
    {
        var bytes = new List<byte>();
        for (; value > 0x7f; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }

    // zlib without compression: for a million small objects, the time that is saved here counts.
    private static byte[] Stored(byte[] content)
    {
        if (content.Length > ushort.MaxValue)
        {
            var compressed = new MemoryStream();
            using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
                zlib.Write(content);
            return compressed.ToArray();
        }

        var (a, b) = (1u, 0u);
        foreach (var value in content)
        {
            a = (a + value) % 65521;
            b = (b + a) % 65521;
        }

        var stored = new byte[content.Length + 11];
        (stored[0], stored[1], stored[2]) = (0x78, 0x01, 0x01);
        BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(3), (ushort)content.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(stored.AsSpan(5), (ushort)~content.Length);
        content.CopyTo(stored, 7);
        BinaryPrimitives.WriteUInt32BigEndian(stored.AsSpan(content.Length + 7), (b << 16) | a);
        return stored;
    }

    // A piece that ends on a byte, and looks back at nothing before it, can be repeated.
    private static byte[] Zeros(long size)
    {
        var buffer = new MemoryStream();
        byte[] piece;
        using (var deflate = new DeflateStream(buffer, CompressionLevel.Optimal, leaveOpen: true))
        {
            deflate.Write(new byte[ZerosPiece]);
            deflate.Flush();
            piece = buffer.ToArray();
        }

        var zlib = new MemoryStream();
        zlib.Write([0x78, 0x9C]);
        for (var left = size; left > 0; left -= ZerosPiece)
            zlib.Write(piece);
        // A last, empty block, and the checksum, whose lower half stays at 1 over zeros.
        zlib.Write([0x03, 0x00]);
        var checksum = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(checksum, ((uint)(size % 65521) << 16) | 1);
        zlib.Write(checksum);
        return zlib.ToArray();
    }
}
