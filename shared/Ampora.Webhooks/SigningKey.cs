using System.Security.Cryptography;

namespace Ampora.Webhooks;

/// <summary>Secrets as Standard Webhooks have them: <c>whsec_</c> and base64 of the key's bytes.</summary>
public static class SigningKey
{
    /// <summary>What tells such a secret from another, at GitLab too.</summary>
    public const string Prefix = "whsec_";

    // The bounds of the Standard Webhooks specification.
    private const int MinBytes = 24;
    private const int MaxBytes = 64;
    private const int GeneratedBytes = 32;

    internal static string Shape => $"A signing secret is {Prefix} followed by base64 of {MinBytes} to {MaxBytes} bytes.";

    /// <summary>Makes one from the system's random source.</summary>
    public static string Generate() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(GeneratedBytes));

    /// <summary>Whether this method signs with such a key when it is given this secret.</summary>
    internal static bool IsMeant(WebhookMethod method, string secret) =>
        method == WebhookMethod.StandardWebhooks || (method == WebhookMethod.GitLab && secret.StartsWith(Prefix, StringComparison.Ordinal));

    internal static bool TryRead(string secret, out byte[] key)
    {
        var text = secret.AsSpan(secret.StartsWith(Prefix, StringComparison.Ordinal) ? Prefix.Length : 0);
        var bytes = new byte[MaxBytes];
        // Base64 of .NET skips white space; a secret has none.
        var isKey = !text.ContainsAny(' ', '\t', '\r') && !text.Contains('\n')
            && Convert.TryFromBase64Chars(text, bytes, out var length) && length is >= MinBytes;
        key = isKey ? bytes[..Convert.FromBase64String(text.ToString()).Length] : [];
        return isKey;
    }
}
