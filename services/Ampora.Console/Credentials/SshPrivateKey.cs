using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ampora.Console.Credentials;

/// <summary>What can be told of a private SSH key without its secret: only OpenSSH ever uses it.</summary>
/// <param name="IsEncrypted">Whether a passphrase is needed.</param>
/// <param name="Fingerprint">
/// The public key's, as <c>ssh-keygen -l</c> and Git hosts show it; null for a key in one of the older forms, which do not have the public key beside the private one.
/// </param>
internal sealed record SshPrivateKey(bool IsEncrypted, string? Fingerprint)
{
    private const string Begin = "-----BEGIN ";
    private const string OpenSsh = "OPENSSH PRIVATE KEY";

    // The head of OpenSSH's own form (PROTOCOL.key of OpenSSH): magic, cipher, key derivation, its options, number of keys, and the public key.
    private static readonly byte[] Magic = "openssh-key-v1\0"u8.ToArray();

    /// <summary>Reads a key.</summary>
    /// <param name="pem">The key as <c>ssh-keygen</c> writes it.</param>
    /// <param name="key">The key, when it is one.</param>
    /// <returns>Null, or what is wrong; nothing of the key is repeated.</returns>
    public static string? TryRead(string pem, out SshPrivateKey? key)
    {
        key = null;
        if (FindFormProblem(pem) is { } problem)
            return problem;
        var label = LabelOf(pem);
        var body = pem[(pem.IndexOf('\n', StringComparison.Ordinal) + 1)..pem.LastIndexOf("-----END ", StringComparison.Ordinal)];
        if (label == OpenSsh)
            return TryReadOpenSsh(body, out key);
        key = new SshPrivateKey(label == "ENCRYPTED PRIVATE KEY" || body.Contains("4,ENCRYPTED", StringComparison.Ordinal), null);
        return null;
    }

    private static string? FindFormProblem(string pem)
    {
        if (pem.StartsWith("ssh-", StringComparison.Ordinal) || pem.StartsWith("ecdsa-", StringComparison.Ordinal) || pem.Contains(" PUBLIC KEY-----", StringComparison.Ordinal))
            return "It is a public key: give the private one, from the file without .pub. The Git host gets the public one.";
        if (pem.StartsWith("PuTTY-", StringComparison.Ordinal))
            return "It is in PuTTY's form: export it with puttygen KEY.ppk -O private-openssh -o KEY, and give that.";
        var label = LabelOf(pem);
        if (label == "DSA PRIVATE KEY")
            return "DSA keys are not accepted by OpenSSH any more: make one with ssh-keygen -t ed25519.";
        return label is OpenSsh or "RSA PRIVATE KEY" or "EC PRIVATE KEY" or "PRIVATE KEY" or "ENCRYPTED PRIVATE KEY" && pem.TrimEnd().EndsWith($"-----END {label}-----", StringComparison.Ordinal)
            ? null
            : "It should be a private key as ssh-keygen writes it, from -----BEGIN OPENSSH PRIVATE KEY----- to the END line, line breaks included.";
    }

    private static string? LabelOf(string pem)
    {
        var end = pem.StartsWith(Begin, StringComparison.Ordinal) ? pem.IndexOf("-----\n", StringComparison.Ordinal) : -1;
        return end < 0 ? null : pem[Begin.Length..end];
    }

    private static string? TryReadOpenSsh(string body, out SshPrivateKey? key)
    {
        const string broken = "The key is cut off or changed: give the whole file, from the BEGIN line to the END line.";
        key = null;
        var bytes = new byte[body.Length];
        if (!Convert.TryFromBase64String(body, bytes, out var length) || !bytes.AsSpan(0, length).StartsWith(Magic))
            return broken;
        var rest = bytes.AsSpan(Magic.Length..length);
        if (!TryTake(ref rest, out var cipher) || !TryTake(ref rest, out _) || !TryTake(ref rest, out _) || rest.Length < 4)
            return broken;
        var count = BinaryPrimitives.ReadUInt32BigEndian(rest);
        rest = rest[4..];
        if (count != 1 || !TryTake(ref rest, out var publicKey) || !TryTake(ref rest, out var secret) || secret.Length == 0)
            return broken;
        var inKey = publicKey;
        if (!TryTake(ref inKey, out var type))
            return broken;
        if (type.StartsWith("sk-"u8))
            return "The key is on a security token, which wants to be touched each time: make one with ssh-keygen -t ed25519.";
        if (type.SequenceEqual("ssh-dss"u8))
            return "DSA keys are not accepted by OpenSSH any more: make one with ssh-keygen -t ed25519.";
        key = new SshPrivateKey(!cipher.SequenceEqual("none"u8), "SHA256:" + Convert.ToBase64String(SHA256.HashData(publicKey)).TrimEnd('='));
        return null;
    }

    // A string of the SSH protocol: four bytes of length, then as many (RFC 4251, section 5).
    private static bool TryTake(ref Span<byte> rest, out Span<byte> taken)
    {
        taken = default;
        if (rest.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > rest.Length - 4)
            return false;
        taken = rest.Slice(4, (int)BinaryPrimitives.ReadUInt32BigEndian(rest));
        rest = rest[(4 + taken.Length)..];
        return true;
    }
}
