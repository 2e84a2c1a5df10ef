using System.Security.Cryptography;
using System.Text;
using Ampora.Git.Credentials;
using Ampora.Store.Model;
using Ampora.Store.Secrets;

namespace Ampora.Console.Credentials;

/// <summary>What a request does to a source's Git credential.</summary>
internal abstract record CredentialChange
{
    /// <summary>The code of a credential that is missing.</summary>
    public const string RequiredCode = "credential_required";

    private CredentialChange()
    {
    }

    /// <summary>Says that a stored credential is not for the URL.</summary>
    /// <param name="authority">Where the stored one goes.</param>
    public static string Required(string authority) =>
        $"The stored credential was given for {authority} and is not sent to another scheme, host or port: give it again, or null to remove it.";

    /// <summary>Does it to a source that is being changed.</summary>
    /// <param name="source">The tracked source.</param>
    /// <param name="authority">Scheme, host and port of its URL, where a new credential goes from now on.</param>
    /// <param name="cipher">The cipher.</param>
    /// <param name="now">The database's clock.</param>
    public void Apply(Source source, string authority, SecretCipher cipher, DateTimeOffset now)
    {
        if (this is Remove)
            source.Credential = null;
        if (this is not Set set)
            return;
        var encrypted = StoredCredential.Encrypt(cipher, source.Id, set.Value);
        if (source.Credential is not { } stored)
        {
            source.Credential = stored = new Credential { SourceId = source.Id, Type = set.Type, Encrypted = encrypted, Authority = authority, UpdatedAt = now };
        }
        else
        {
            (stored.Type, stored.Encrypted, stored.Authority, stored.UpdatedAt) = (set.Type, encrypted, authority, now);
        }

        (stored.Fingerprint, stored.CaDigest) = (set.Fingerprint, set.CaDigest);
    }

    /// <summary>It stays, or stays absent.</summary>
    public sealed record Keep : CredentialChange;

    /// <summary>It is removed.</summary>
    public sealed record Remove : CredentialChange;

    /// <summary>It is set or replaced.</summary>
    /// <param name="Type">As requests name it.</param>
    /// <param name="Value">The credential.</param>
    public sealed record Set(string Type, GitCredential Value) : CredentialChange
    {
        /// <summary>Tells the certificate authorities that come with it; null for none.</summary>
        public string? CaDigest => Value.Ca is { } ca ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ca))) : null;

        /// <summary>Of an SSH key, the public key's fingerprint, where the key tells it.</summary>
        public string? Fingerprint => Value is GitCredential.Ssh ssh && SshPrivateKey.TryRead(ssh.PrivateKey, out var key) is null ? key!.Fingerprint : null;

        public static Set Of(GitCredential credential) => new(
            credential switch
            {
                GitCredential.None => "none",
                GitCredential.Basic => "basic",
                GitCredential.Bearer => "bearer",
                GitCredential.Ssh => "ssh",
                GitCredential.GitHubApp => "githubApp",
                _ => throw new ArgumentOutOfRangeException(nameof(credential)),
            },
            credential);
    }
}
