using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks.Verifying;

/// <summary>An HMAC-SHA256 as hexadecimal digits in a header of its own.</summary>
/// <param name="State">How it came.</param>
/// <param name="Digest">The 32 bytes, when it is readable.</param>
/// <param name="IsSha1">Whether it is GitHub's old signature, which counts for nothing.</param>
internal readonly record struct HexSignature(HeaderState State, byte[] Digest, bool IsSha1 = false)
{
    public const string Sha256 = "sha256=";
    private const string Sha1 = "sha1=";

    public bool IsReadable => State == HeaderState.Readable;

    /// <summary>Whether something came that may be meant as a signature.</summary>
    public bool Came => State is not (HeaderState.Missing or HeaderState.Empty) && !IsSha1;

    /// <summary>Reads one.</summary>
    /// <param name="values">The header's values.</param>
    /// <param name="prefix">What stands before the digits.</param>
    public static HexSignature Of(StringValues values, string prefix)
    {
        if (values.Count == 0)
            return new HexSignature(HeaderState.Missing, []);
        if (values.Count > 1)
            return new HexSignature(HeaderState.Repeated, []);
        var text = values[0].AsSpan();
        if (text.IsWhiteSpace() || text.SequenceEqual(prefix))
            return new HexSignature(HeaderState.Empty, []);
        if (text.StartsWith(Sha1, StringComparison.Ordinal))
            return new HexSignature(HeaderState.Malformed, [], IsSha1: true);
        var digest = new byte[HMACSHA256.HashSizeInBytes];
        return text.Length == prefix.Length + (2 * digest.Length) && text.StartsWith(prefix, StringComparison.Ordinal)
            && Convert.FromHexString(text[prefix.Length..], digest, out _, out var written) == System.Buffers.OperationStatus.Done && written == digest.Length
            ? new HexSignature(HeaderState.Readable, digest)
            : new HexSignature(HeaderState.Malformed, []);
    }
}
