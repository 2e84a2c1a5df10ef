using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ampora.Git.Credentials;

/// <summary>
/// What a Git host is shown, in clear: it lives only between decryption and the request that uses it. Its JSON is what is kept, encrypted,
/// so names of types and members stay.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(None), "none")]
[JsonDerivedType(typeof(Basic), "basic")]
[JsonDerivedType(typeof(Bearer), "bearer")]
[JsonDerivedType(typeof(Ssh), "ssh")]
[JsonDerivedType(typeof(GitHubApp), "githubApp")]
public abstract record GitCredential
{
    private GitCredential()
    {
    }

    /// <summary>
    /// Certificates (PEM) of the authorities that vouch for the host, in place of the system's; null for the system's. The host's name is checked all the same.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Ca { get; init; }

    /// <summary>Tells two credentials apart without holding either: SHA-256, lower-case hexadecimal, of all that is in it.</summary>
    public string Digest()
    {
        var clear = JsonSerializer.SerializeToUtf8Bytes(this);
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(clear));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(clear);
        }
    }

    /// <summary>Never the secret.</summary>
    public sealed override string ToString() => GetType().Name;

    /// <summary>No login: for a public repository whose host has an authority of its own.</summary>
    public sealed record None : GitCredential;

    /// <summary>HTTP Basic, RFC 7617.</summary>
    /// <param name="Username">The user; without a colon.</param>
    /// <param name="Password">The password or access token.</param>
    public sealed record Basic(string Username, string Password) : GitCredential;

    /// <summary>A bearer token, RFC 6750.</summary>
    /// <param name="Token">The token.</param>
    public sealed record Bearer(string Token) : GitCredential;

    /// <summary>An SSH key, and the host keys to expect.</summary>
    /// <param name="PrivateKey">The private key as <c>ssh-keygen</c> writes it.</param>
    /// <param name="Passphrase">What the key is encrypted with; null for one in clear.</param>
    /// <param name="KnownHosts">Lines of a <c>known_hosts</c> file, sshd(8).</param>
    public sealed record Ssh(string PrivateKey, string? Passphrase, string KnownHosts) : GitCredential;

    /// <summary>
    /// An installation of a GitHub App: a token that lasts an hour is made from its key when it is needed
    /// (https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app).
    /// </summary>
    /// <param name="AppId">The app's id, or its client id.</param>
    /// <param name="InstallationId">The installation's id, decimal.</param>
    /// <param name="PrivateKey">The app's RSA key, PEM, PKCS#1 or PKCS#8.</param>
    public sealed record GitHubApp(string AppId, string InstallationId, string PrivateKey) : GitCredential;
}
