using System.Net.Http.Headers;
using System.Text;

namespace Ampora.Git.Credentials;

/// <summary>Makes the header that shows an HTTP host who asks.</summary>
internal sealed class HttpLogins(InstallationTokens tokens)
{
    // GitHub takes any name with a token; this is the one of its documentation.
    private const string TokenUser = "x-access-token";

    /// <summary>The header for a remote's host alone; null when there is no login.</summary>
    /// <exception cref="GitException">The credential is of no use here, or GitHub gives no token for it.</exception>
    public ValueTask<AuthenticationHeaderValue?> FindAsync(GitRemote remote, CancellationToken cancellationToken) => remote.Credential switch
    {
        null or GitCredential.None => ValueTask.FromResult<AuthenticationHeaderValue?>(null),
        GitCredential.Basic basic => ValueTask.FromResult<AuthenticationHeaderValue?>(Basic(basic.Username, basic.Password)),
        GitCredential.Bearer bearer => ValueTask.FromResult<AuthenticationHeaderValue?>(new AuthenticationHeaderValue("Bearer", bearer.Token)),
        GitCredential.GitHubApp app => FindAsync(remote, app, cancellationToken),
        var other => throw new GitException(
            "credential_unsupported",
            $"A credential of this type ({other}) cannot be used over {remote.Url.Uri.Scheme}.",
            "Give one of type basic, bearer or githubApp, or the repository's ssh URL with an SSH key."),
    };

    /// <summary>Takes that the host refused a header.</summary>
    /// <returns>Whether another may be accepted: a token that was made for an hour may have ended before.</returns>
    public bool Forget(GitRemote remote, AuthenticationHeaderValue refused)
    {
        if (remote.Credential is not GitCredential.GitHubApp)
            return false;
        var pair = Encoding.UTF8.GetString(Convert.FromBase64String(refused.Parameter!));
        tokens.Forget(remote, pair[(TokenUser.Length + 1)..]);
        return true;
    }

    private async ValueTask<AuthenticationHeaderValue?> FindAsync(GitRemote remote, GitCredential.GitHubApp app, CancellationToken cancellationToken) =>
        Basic(TokenUser, await tokens.GetAsync(remote, app, cancellationToken));

    private static AuthenticationHeaderValue Basic(string username, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}")));
}
