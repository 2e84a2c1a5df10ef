using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ampora.Store.Secrets;

/// <summary>A Git credential in clear; it lives only between decryption and the request that uses it.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Basic), "basic")]
[JsonDerivedType(typeof(Bearer), "bearer")]
public abstract record GitCredential
{
    private GitCredential()
    {
    }

    /// <summary>What <see cref="Model.Credential.Encrypted"/> keeps of it.</summary>
    /// <param name="cipher">The cipher.</param>
    /// <param name="sourceId">The slug of the source that it is for.</param>
    public byte[] Encrypt(SecretCipher cipher, string sourceId)
    {
        var clear = JsonSerializer.SerializeToUtf8Bytes(this);
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

    /// <summary>Never the secret.</summary>
    public sealed override string ToString() => GetType().Name;

    /// <summary>HTTP Basic, RFC 7617.</summary>
    /// <param name="Username">The user; without a colon.</param>
    /// <param name="Password">The password or access token.</param>
    public sealed record Basic(string Username, string Password) : GitCredential;

    /// <summary>A bearer token, RFC 6750.</summary>
    /// <param name="Token">The token.</param>
    public sealed record Bearer(string Token) : GitCredential;
}
