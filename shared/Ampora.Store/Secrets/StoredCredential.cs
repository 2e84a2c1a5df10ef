using System.Security.Cryptography;
using System.Text.Json;
using Ampora.Git.Credentials;

namespace Ampora.Store.Secrets;

/// <summary>How a source's Git credential is kept: as JSON, encrypted for that source alone.</summary>
public static class StoredCredential
{
    /// <summary>What <see cref="Model.Credential.Encrypted"/> keeps of a credential.</summary>
    /// <param name="cipher">The cipher.</param>
    /// <param name="sourceId">The slug of the source that it is for.</param>
    /// <param name="credential">The credential.</param>
    public static byte[] Encrypt(SecretCipher cipher, string sourceId, GitCredential credential)
    {
        ArgumentNullException.ThrowIfNull(cipher);
        var clear = JsonSerializer.SerializeToUtf8Bytes(credential);
        try
        {
            return cipher.Encrypt(Place(sourceId), clear);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }

    /// <summary>Reads what <see cref="Encrypt"/> made for the same source.</summary>
    /// <param name="cipher">The cipher.</param>
    /// <param name="sourceId">The slug of the source.</param>
    /// <param name="encrypted">The kept value.</param>
    /// <exception cref="CryptographicException">Wrong master key, another source's value, or changed.</exception>
    public static GitCredential Decrypt(SecretCipher cipher, string sourceId, ReadOnlySpan<byte> encrypted)
    {
        ArgumentNullException.ThrowIfNull(cipher);
        var clear = cipher.Decrypt(Place(sourceId), encrypted);
        try
        {
            return JsonSerializer.Deserialize<GitCredential>(clear) ?? throw new CryptographicException("The stored credential is empty.");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }

    private static SecretPlace Place(string sourceId) => new("credentials", sourceId, "encrypted");
}
