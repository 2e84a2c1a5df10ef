using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Git.Tests;

/// <summary>A pack that is written object by object (gitformat-pack), so that it can hold what no git would make.</summary>
[SuppressMessage("Security", "CA5350", Justification = "Git's ids and packs are made with SHA-1")]
internal sealed class HandmadePack
{
    private const int RefDelta = 7;

    private readonly List<byte[]> _objects = [];

    /// <summary>Adds an object.</summary>
    /// <returns>Its id.</returns>
    public string Add(string type, byte[] content)
    {
        Write(type switch { "commit" => 1, "tree" => 2, _ => 3 }, content.Length, null, content);
        return Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"{type} {content.Length}\0"), .. content]));
    }

    /// <summary>Adds a file of zeros as a difference that copies a smaller one of zeros as often as it takes.</summary>
    /// <returns>Its id.</returns>
    public string AddZeros(string smaller, long smallerSize, long size)
    {
        // Both sizes, then for each copy: from where (nothing, which is the begin), and how much (three bytes).
        const int longest = 0xffffff;
        using var delta = new MemoryStream();
        WriteSize(delta, smallerSize);
        WriteSize(delta, size);
        for (var left = size; left > 0;)
        {
            var count = (int)Math.Min(left, Math.Min(smallerSize, longest));
            delta.Write([0b1111_0000, (byte)count, (byte)(count >> 8), (byte)(count >> 16)]);
            left -= count;
        }

        Write(RefDelta, delta.Length, Convert.FromHexString(smaller), delta.ToArray());
        return ZerosId(size);
    }

    /// <summary>The id of a file of zeros.</summary>
    public static string ZerosId(long size)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {size}\0"));
        var zeros = new byte[1024 * 1024];
        for (var left = size; left > 0; left -= zeros.Length)
            hash.AppendData(zeros, 0, (int)Math.Min(left, zeros.Length));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The pack.</summary>
    /// <param name="count">How many objects it says it has; null for as many as it has.</param>
    public byte[] ToArray(uint? count = null)
    {
        var head = new byte[12];
        "PACK"u8.CopyTo(head);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(4), 2);
        BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(8), count ?? (uint)_objects.Count);
        byte[] pack = [.. head, .. _objects.SelectMany(bytes => bytes)];
        return [.. pack, .. SHA1.HashData(pack)];
    }

    private void Write(int type, long size, byte[]? basis, byte[] content)
    {
        using var written = new MemoryStream();
        var first = (byte)((type << 4) | (int)(size & 15));
        size >>= 4;
        written.WriteByte(size > 0 ? (byte)(first | 0x80) : first);
        if (size > 0)
            WriteSize(written, size);
        written.Write(basis ?? []);
        using (var zlib = new ZLibStream(written, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(content);
        _objects.Add(written.ToArray());
    }

    // Seven bits each, the lowest first.
    private static void WriteSize(Stream stream, long size)
    {
        do
        {
            stream.WriteByte((byte)((size & 0x7f) + (size > 0x7f ? 0x80 : 0)));
            size >>= 7;
        }
        while (size > 0);
    }
}
