using Ampora.Git.Protocol;

namespace Ampora.Git.Ssh;

/// <summary>What OpenSSH, and the host's git behind it, say on standard error, in words that help.</summary>
internal static class SshErrors
{
    // How hosts say that there is no such repository; most say the same when the key may not read it.
    private static readonly string[] NoRepository =
    [
        "does not appear to be a git repository",
        "Repository not found",
        "repository not found",
        "does not exist",
        "could not be found",
        "cannot find repository",
        "Cannot find repository",
        "not found: ",
        "No such file or directory",
        "DENIED by",
        "You may not have access to this repository",
        "TF401019",
    ];

    private static readonly string[] Ended =
    [
        "Connection closed by",
        "Connection reset by",
        "Connection to ",
        "kex_exchange_identification:",
        "banner exchange",
        "Broken pipe",
        "Could not read from remote repository",
        "the remote end hung up unexpectedly",
        "early EOF",
    ];

    /// <summary>Why ssh failed; null when nothing of what it said is about the connection, the keys or the repository.</summary>
    /// <param name="errors">What it said.</param>
    /// <param name="remote">Whose host.</param>
    public static GitException? Of(string errors, GitRemote remote)
    {
        var host = remote.Url.HostAndPort;
        if (Says("No user exists for uid"))
        {
            return new GitException(
                "fetch_failed",
                "OpenSSH does not run as a user without a name.",
                "Run Ampora as a user that /etc/passwd has, as its images do: not under a number made up by the platform.");
        }

        if (Says("REMOTE HOST IDENTIFICATION HAS CHANGED"))
        {
            return new GitException(
                "host_key_changed",
                $"{host} shows another key than the credential's known hosts have: {Line("SHA256:")}",
                "Ask the Git host whether it has a new key. If so, give the credential anew with the new line; if not, somebody stands between.");
        }

        if (Says("REVOKED HOST KEY"))
        {
            return new GitException(
                "host_key_changed",
                $"The key of {host} is one that the credential's known hosts revoke.",
                "Ask the Git host for its new key, and give the credential anew with its line.");
        }

        if (Says("Host key verification failed") || Says("host key is known for"))
        {
            return new GitException(
                "host_key_unknown",
                $"The credential's known hosts have no key of {host} that it uses: {Line("host key is known", "revoked")}",
                "Add the host's line, as its documentation or ssh-keyscan gives it, to the credential's knownHosts: give the credential anew.");
        }

        if (Says("Load key "))
            return KeyUnreadable(Line("Load key "));
        if (Says("Permission denied ("))
        {
            return new GitException(
                "auth_failed",
                $"{host} does not let {remote.Url.SshUser} in with this key.",
                $"Add the public key to the repository or account at the Git host, or give another key; check the user before the @ too ({GitUser(remote)}).");
        }

        if (Says("timed out"))
            return new GitException("timeout", $"{host} did not answer in time as an SSH host does.", "Look whether the Git host is well, and that the port is that of its SSH.");
        if (Says("Unable to negotiate with") || Says("no matching "))
        {
            return new GitException(
                "host_error", $"{host} and OpenSSH here have no common algorithm: {Line("Unable to negotiate", "no matching")}", "Bring the Git host's SSH up to date; what is too weak stays off.");
        }

        if (Array.Exists(NoRepository, Says))
        {
            return new GitException(
                "not_found",
                $"{host} has no repository there, or does not show it to this key: {Line(NoRepository)}",
                "Correct the URL, or give the key the right to read the repository, since hosts hide private repositories.");
        }

        if (Says("command not found") || Says("git-upload-pack: not found"))
            return new GitException("host_error", $"{host} has no git for this user: {Line("not found")}", "Install git on the host, in the PATH of the user.");
        return null;

        bool Says(string words) => errors.Contains(words, StringComparison.Ordinal);

        string Line(params string[] words) => Readable.Line(
            errors.Split('\n').FirstOrDefault(line => Array.Exists(words, word => line.Contains(word, StringComparison.Ordinal))) ?? errors);
    }

    /// <summary>What is left to be said when a connection ended too early; null when it did not.</summary>
    public static GitException? OfEnd(string errors, GitRemote remote) => errors.Length > 0 && !Array.Exists(Ended, words => errors.Contains(words, StringComparison.Ordinal))
        ? null
        : new GitException(
            "unreachable",
            $"{remote.Url.HostAndPort} ended the connection{(errors.Length == 0 ? "" : $": {Readable.Line(errors.Split('\n')[0]).TrimEnd('.')}")}.",
            "Check the URL, that its port is that of SSH, and that the Git host lets connections in from here.");

    /// <summary>A key that is none, or is encrypted otherwise.</summary>
    /// <param name="said">What OpenSSH said when it read the key.</param>
    public static GitException KeyUnreadable(string said) => said.Contains("passphrase supplied", StringComparison.Ordinal)
        ? new GitException(
            "key_unreadable", "The private key is encrypted, and the credential's passphrase is wrong or missing.", "Give the credential again with the key's passphrase.")
        : new GitException(
            "key_unreadable",
            $"OpenSSH finds no private key in the credential ({Readable.Line(said[(said.LastIndexOf(':') + 1)..])}).",
            "Give the whole file that ssh-keygen wrote, from BEGIN to END, without a change to its lines.");

    private static string GitUser(GitRemote remote) => remote.Url.SshUser == SshAddress.DefaultUser ? "git is right for most hosts" : "most hosts want git";
}
