using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Wakeups;

/// <summary>
/// Ids of runs and of their messages, derived from the claim so that a retried finish makes the same ones, and from all that makes the claim unique: a store that
/// was restored from a backup gives fences out a second time, and what the audit log knows under an id it does not record again.
/// </summary>
public static class RunIds
{
    /// <summary>The id of the run that a claim makes.</summary>
    /// <param name="claim">The claim; its source's identity, fence, holder and time decide.</param>
    /// <returns><c>run_</c> and 32 hexadecimal digits.</returns>
    public static string RunId(Claim claim) => $"run_{Derive(claim, "run"):n}";

    /// <summary>The id of the message that reports the run.</summary>
    public static Guid MessageId(Claim claim) => Derive(claim, "message");

    private static Guid Derive(Claim claim, string purpose)
    {
        Span<byte> numbers = stackalloc byte[16 + 8 + 8];
        claim.SourceUid.TryWriteBytes(numbers, bigEndian: true, out _);
        BinaryPrimitives.WriteInt64BigEndian(numbers[16..], claim.Fence);
        BinaryPrimitives.WriteInt64BigEndian(numbers[24..], claim.ClaimedAt.UtcTicks);
        return new Guid(SHA256.HashData([.. numbers, .. Encoding.UTF8.GetBytes($"{purpose}\0{claim.Owner}")]).AsSpan(0, 16), bigEndian: true);
    }
}
