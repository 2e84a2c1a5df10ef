using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Ampora.Audit.Model;

namespace Ampora.Audit.Chain;

/// <summary>
/// The hash that chains an entry to the one before: SHA-256 over these fields in this order, integers big-endian, so that no two
/// different entries have the same encoding and anybody can compute it again from an export.
/// <list type="number">
/// <item>version: one byte, 1;</item>
/// <item>previous hash: 32 bytes (zeros for the first entry);</item>
/// <item>audit id: 8 bytes;</item>
/// <item>message id: 16 bytes in the order of its text (RFC 9562);</item>
/// <item>occurred at, then recorded at: 8 bytes each, whole microseconds since 1970, UTC;</item>
/// <item>actor, action, subject, remote ip: texts;</item>
/// <item>count: 8 bytes;</item>
/// <item>run id, detail: texts.</item>
/// </list>
/// A text is its length in bytes (4 bytes, signed) and then UTF-8; a missing one is the length -1 and nothing.
/// </summary>
internal static class EntryHash
{
    /// <summary>Bytes of a hash.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    private const byte Version = 1;

    /// <summary>What the first entry follows.</summary>
    public static byte[] Genesis { get; } = new byte[Size];

    /// <summary>Computes the hash from every other column of the entry.</summary>
    public static byte[] Compute(AuditEntryRow entry)
    {
        var encoded = new ArrayBufferWriter<byte>(512 + entry.Detail.Length);
        encoded.Write([Version]);
        encoded.Write(entry.PreviousHash);
        Write(encoded, entry.AuditId);
        encoded.Write(entry.MessageId.ToByteArray(bigEndian: true));
        Write(encoded, Microseconds(entry.OccurredAt));
        Write(encoded, Microseconds(entry.RecordedAt));
        Write(encoded, entry.Actor);
        Write(encoded, entry.Action);
        Write(encoded, entry.Subject);
        Write(encoded, entry.RemoteIp);
        Write(encoded, entry.Count);
        Write(encoded, entry.RunId);
        Write(encoded, entry.Detail);
        return SHA256.HashData(encoded.WrittenSpan);
    }

    private static long Microseconds(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    private static void Write(ArrayBufferWriter<byte> encoded, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(encoded.GetSpan(sizeof(long)), value);
        encoded.Advance(sizeof(long));
    }

    private static void Write(ArrayBufferWriter<byte> encoded, string? text)
    {
        BinaryPrimitives.WriteInt32BigEndian(encoded.GetSpan(sizeof(int)), text is null ? -1 : Encoding.UTF8.GetByteCount(text));
        encoded.Advance(sizeof(int));
        if (text is not null)
            Encoding.UTF8.GetBytes(text, encoded);
    }
}
