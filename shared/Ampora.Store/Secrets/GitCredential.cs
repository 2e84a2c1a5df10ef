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
