using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Store.Secrets;

/// <summary>
/// Tokens that Ampora makes: <c>amp_</c>, 43 characters of base64url for 256 random bits, and 6 hexadecimal digits of a checksum, so that a mistyped one and one
/// found by a secret scanner can be told without asking the database. Only their SHA-256 is kept.
/// </summary>
public static class AccessToken
{
    private const string Prefix = "amp_";
    private const int SecretBytes = 32;
    private const int ChecksumDigits = 6;

    /// <summary>Makes a token from the system's random source.</summary>
    public static string Generate()
    {
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        return Prefix + secret + Checksum(secret);
    }

    /// <summary>Whether a text has the form and checksum of a token; it says nothing about whether it is valid.</summary>
    public static bool IsWellFormed(string text) =>
        text.Length == Prefix.Length + 43 + ChecksumDigits
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && Checksum(text[Prefix.Length..^ChecksumDigits]).Equals(text[^ChecksumDigits..], StringComparison.Ordinal);

    /// <summary>What is kept of a token: SHA-256 of its UTF-8 bytes. 256 random bits need no salt and no slow hash.</summary>
    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>Whether a token has this hash, in constant time.</summary>
    /// <param name="hashOfPresented">From <see cref="Hash"/>, of what the caller presented.</param>
    /// <param name="expected">The kept hash.</param>
    public static bool Matches(ReadOnlySpan<byte> hashOfPresented, ReadOnlySpan<byte> expected) =>
        CryptographicOperations.FixedTimeEquals(hashOfPresented, expected);

    private static string Checksum(string secret) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(secret)))[..ChecksumDigits];
}
