using System.Net.Http.Headers;
using System.Text;

namespace Ampora.Git.Credentials;

/// <summary>Makes the header that shows an HTTP host who asks.</summary>
internal static class HttpLogins
{
    /// <summary>The header for a remote's host alone; null when there is no login.</summary>
    /// <exception cref="GitException">The credential is of no use here.</exception>
    public static ValueTask<AuthenticationHeaderValue?> FindAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(remote.Credential switch
        {
            null or GitCredential.None => null,
            GitCredential.Basic basic => Basic(basic.Username, basic.Password),
            GitCredential.Bearer bearer => new AuthenticationHeaderValue("Bearer", bearer.Token),
            var other => throw new GitException(
                "credential_unsupported",
                $"A credential of this type ({other}) cannot be used over {remote.Url.Uri.Scheme}.",
                "Give one of type basic, bearer or githubApp, or the repository's ssh URL with an SSH key."),
        });
    }

    private static AuthenticationHeaderValue Basic(string username, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username}:{password}")));
}
