using System.Net.Http.Headers;

namespace Ampora.Git;

/// <summary>A repository and what to show its host.</summary>
/// <param name="Url">The repository.</param>
/// <param name="Authorization">The header for its host alone; null for a public repository.</param>
public sealed record GitRemote(GitUrl Url, AuthenticationHeaderValue? Authorization)
{
    /// <summary>Never the credential.</summary>
    public override string ToString() => Url.ToString();
}

/// <summary>A ref's tip.</summary>
/// <param name="Sha">The commit, hexadecimal; an annotated tag is peeled.</param>
/// <param name="RefName">The full name of the ref that was read, such as <c>refs/heads/main</c>; for <c>HEAD</c>, the branch that it points to.</param>
public sealed record Tip(string Sha, string RefName);
