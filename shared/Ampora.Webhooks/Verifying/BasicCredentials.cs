using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks.Verifying;

/// <summary>User name and password of Basic authentication: only their hashes.</summary>
/// <param name="State">How they came.</param>
/// <param name="UsernameHash">SHA-256 of the user name's bytes.</param>
/// <param name="PasswordHash">SHA-256 of the password's bytes.</param>
internal readonly record struct BasicCredentials(HeaderState State, byte[] UsernameHash, byte[] PasswordHash)
{
    private const string Scheme = "Basic ";

    // The longest user name and secret, each character of four bytes, in base64; what is longer is neither.
    private const int MaxLength = 8 * 1024;

    public bool Came => State is HeaderState.Readable or HeaderState.Repeated;

    public static BasicCredentials Of(StringValues authorization)
    {
        if (authorization.Count > 1)
            return Nothing(HeaderState.Repeated);
        var text = authorization.Count == 0 ? "" : (authorization[0] ?? "").AsSpan();
        if (!text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return Nothing(HeaderState.Missing);
        var base64 = text[Scheme.Length..].Trim(' ');
        if (base64.Length > MaxLength)
            return Nothing(HeaderState.Malformed);
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64Chars(base64, bytes, out var written) || bytes.AsSpan(0, written).IndexOf((byte)':') is not (>= 0 and var colon))
            return Nothing(HeaderState.Malformed);
        var username = bytes.AsSpan(0, colon);
        var password = bytes.AsSpan(colon + 1, written - colon - 1);
        return password.IsEmpty ? Nothing(HeaderState.Empty) : new BasicCredentials(HeaderState.Readable, SHA256.HashData(username), SHA256.HashData(password));
    }

    private static BasicCredentials Nothing(HeaderState state) => new(state, SHA256.HashData([]), SHA256.HashData([]));
}
