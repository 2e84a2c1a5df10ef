using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ampora.Wakeups;

/// <summary>Ids of runs and of their messages, derived so that a retried finish makes the same ones.</summary>
public static class RunIds
{
    /// <summary>The id of the run that a claim makes.</summary>
    /// <param name="claim">The claim; its source's identity and fence decide.</param>
    /// <returns><c>run_</c> and 32 hexadecimal digits.</returns>
    public static string RunId(Claim claim) => $"run_{Derive(claim, "run"):n}";

    /// <summary>The id of the message that reports the run.</summary>
    public static Guid MessageId(Claim claim) => Derive(claim, "message");

    private static Guid Derive(Claim claim, string purpose)
    {
        Span<byte> input = stackalloc byte[16 + 8 + 16];
        input.Clear();
        claim.SourceUid.TryWriteBytes(input, bigEndian: true, out _);
        BinaryPrimitives.WriteInt64BigEndian(input[16..], claim.Fence);
        System.Text.Encoding.ASCII.GetBytes(purpose, input[24..]);
        return new Guid(SHA256.HashData(input).AsSpan(0, 16), bigEndian: true);
    }
}
