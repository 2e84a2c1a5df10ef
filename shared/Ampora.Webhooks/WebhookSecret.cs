using System.Security.Cryptography;
using System.Text;

namespace Ampora.Webhooks;

/// <summary>A secret as verification needs it.</summary>
/// <param name="Method">What it verifies by.</param>
/// <param name="Hash">SHA-256 of its UTF-8 bytes, for a method that compares.</param>
/// <param name="Key">The HMAC key, for a method that signs.</param>
/// <param name="Username">The user name that must come with it; null when any may.</param>
public sealed record WebhookSecret(WebhookMethod Method, byte[]? Hash, byte[]? Key, string? Username)
{
    /// <summary>Makes one from the secret itself.</summary>
    /// <param name="method">What it verifies by.</param>
    /// <param name="secret">One in which <see cref="WebhookMethod.FindSecretProblem"/> finds nothing.</param>
    /// <param name="username">The user name that must come with it; null or empty when any may.</param>
    public static WebhookSecret Of(WebhookMethod method, string secret, string? username)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentException.ThrowIfNullOrEmpty(secret);
        var asked = method.TakesUsername && username is { Length: > 0 } ? username : null;
        var bytes = Encoding.UTF8.GetBytes(secret);
        if (!method.MustBeRecovered(secret))
            return new WebhookSecret(method, SHA256.HashData(bytes), null, asked);
        if (!SigningKey.IsMeant(method, secret))
            return new WebhookSecret(method, null, bytes, asked);
        return SigningKey.TryRead(secret, out var key)
            ? new WebhookSecret(method, null, key, asked)
            : throw new ArgumentException(SigningKey.Shape, nameof(secret));
    }

    /// <summary>Whether both verify the same requests.</summary>
    public bool Equals(WebhookSecret? other) =>
        other is not null && Method == other.Method && Username == other.Username && Same(Hash, other.Hash) && Same(Key, other.Key);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Method, Username, Hash?.Length, Key?.Length);

    /// <summary>The method, and nothing of the secret.</summary>
    public override string ToString() => $"a secret for {Method.Name}";

    private static bool Same(byte[]? one, byte[]? other) =>
        (one, other) is (null, null) || (one is not null && other is not null && CryptographicOperations.FixedTimeEquals(one, other));
}
