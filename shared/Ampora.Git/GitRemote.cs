using Ampora.Git.Credentials;

namespace Ampora.Git;

/// <summary>A repository and what to show its host.</summary>
/// <param name="Url">The repository.</param>
/// <param name="Credential">For its host alone; null for a public repository.</param>
public sealed record GitRemote(GitUrl Url, GitCredential? Credential)
{
    private string? _credentialDigest;

    /// <summary>The repository.</summary>
    public GitUrl Url { get; } = Url;

    /// <summary>For its host alone; null for a public repository.</summary>
    public GitCredential? Credential { get; } = Credential;

    /// <summary>Tells two credentials apart; empty without one.</summary>
    internal string CredentialDigest => _credentialDigest ??= Credential?.Digest() ?? "";

    /// <summary>What is remembered of a remote is remembered under this: URL and credential, without the credential itself.</summary>
    internal (string Url, string Credential) Key => (Url.ToString(), CredentialDigest);

    /// <summary>Whether the host is shown who asks; a certificate authority alone shows nothing.</summary>
    internal bool HasLogin => Credential is not (null or GitCredential.None);

    /// <summary>Whether both are the same repository and the same credential.</summary>
    public bool Equals(GitRemote? other) => other is not null && Url == other.Url && Equals(Credential, other.Credential);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Url, Credential);

    /// <summary>Never the credential.</summary>
    public override string ToString() => Url.ToString();
}

/// <summary>A ref's tip.</summary>
/// <param name="Sha">The commit, hexadecimal; an annotated tag is peeled.</param>
/// <param name="RefName">
/// The full name of the ref that was read, such as <c>refs/heads/main</c>; for <c>HEAD</c>, the branch that it points to; for a pattern, the
/// tag that is the highest; for a commit, its id.
/// </param>
/// <param name="MovedTo">Where the host says that the repository is now, without a trailing slash; null while it is where the URL says.</param>
public sealed record Tip(string Sha, string RefName, string? MovedTo = null);
