using System.Security.Cryptography;
using System.Text;
using Ampora.Store.Secrets;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>How webhooks' secrets are kept: as a hash where comparing is enough, encrypted where the method needs the secret itself.</summary>
public static class WebhookSecretStorage
{
    /// <summary>Where a source's secrets are kept, the current and the previous alike, so that a rotation moves the value as it is.</summary>
    /// <param name="sourceId">The slug.</param>
    public static SecretPlace PlaceOf(string sourceId) => new("webhook_secrets", sourceId, "secret");

    /// <summary>Where an organisation's secrets are kept.</summary>
    /// <param name="name">The secret's name.</param>
    public static SecretPlace PlaceOfShared(string name) => new("shared_webhook_secrets", name, "secret");

    /// <summary>Makes what is kept of a secret.</summary>
    /// <param name="cipher">The cipher.</param>
    /// <param name="place">Where it will be kept.</param>
    /// <param name="method">What it verifies by.</param>
    /// <param name="secret">One in which <see cref="WebhookMethod.FindSecretProblem"/> finds nothing.</param>
    /// <returns>Exactly one of the two.</returns>
    public static (byte[]? Hash, byte[]? Encrypted) Protect(SecretCipher cipher, SecretPlace place, WebhookMethod method, string secret)
    {
        ArgumentException.ThrowIfNullOrEmpty(secret);
        var clear = Encoding.UTF8.GetBytes(secret);
        try
        {
            return method.MustBeRecovered(secret) ? (null, cipher.Encrypt(place, clear)) : (SHA256.HashData(clear), null);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }

    /// <summary>Reads what <see cref="Protect"/> made for the same place.</summary>
    /// <param name="cipher">The cipher.</param>
    /// <param name="place">Where it is kept.</param>
    /// <param name="auth">The name of its method.</param>
    /// <param name="hash">The kept hash.</param>
    /// <param name="encrypted">The kept encrypted value.</param>
    /// <param name="username">The user name that must come with it.</param>
    /// <returns>Null when nothing is kept, or nothing that this release knows: then nothing verifies.</returns>
    /// <exception cref="SecretUnreadableException">It was encrypted under another master key, or changed.</exception>
    public static WebhookSecret? Open(SecretCipher cipher, SecretPlace place, string? auth, byte[]? hash, byte[]? encrypted, string? username)
    {
        if (auth is null || WebhookMethod.Find(auth) is not { } method)
            return null;
        if (encrypted is null)
            return hash is null ? null : new WebhookSecret(method, hash, null, string.IsNullOrEmpty(username) ? null : username);

        byte[]? clear = null;
        try
        {
            clear = cipher.Decrypt(place, encrypted);
            return WebhookSecret.Of(method, Encoding.UTF8.GetString(clear), username);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // What is no secret of its method (an ArgumentException) was changed as well.
            throw new SecretUnreadableException(place, e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }
}
