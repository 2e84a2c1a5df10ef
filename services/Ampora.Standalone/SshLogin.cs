using System.Text.Json.Nodes;
using Ampora.Git;

namespace Ampora.Standalone;

/// <summary>How to log in to an SSH host.</summary>
/// <param name="PrivateKey">The key as <c>ssh-keygen</c> writes it.</param>
/// <param name="Passphrase">What it is encrypted with; null for nothing.</param>
/// <param name="KnownHosts">The lines of a <c>known_hosts</c> file that are about the host.</param>
internal sealed record SshLogin(string PrivateKey, string? Passphrase, string KnownHosts)
{
    // Who has logged in to thousands of hosts has a file of a megabyte; only this host's lines are kept.
    private const int MaxKnownHostsBytes = 16 * 1024 * 1024;

    /// <summary>Reads the files; null when something is missing, which is told together with how to mend it.</summary>
    /// <param name="source">The repository.</param>
    /// <param name="key">The private key.</param>
    /// <param name="knownHosts">The host keys; null for the user's own file.</param>
    /// <param name="passphrase">The passphrase; null for none.</param>
    /// <param name="addError">Takes what is wrong.</param>
    public static SshLogin? Read(GitUrl source, FileInfo key, FileInfo? knownHosts, FileInfo? passphrase, Action<string> addError)
    {
        var isGood = true;
        var privateKey = SecretFile.Read("--ssh-key", key, Fail);
        var phrase = passphrase is null ? null : SecretFile.ReadLine("--passphrase-file", passphrase, "the passphrase alone", Fail);
        var lines = ReadKnownHosts(source, knownHosts ?? OwnKnownHosts, Fail);
        return isGood ? new SshLogin(privateKey!, phrase, lines!) : null;

        void Fail(string problem)
        {
            addError(problem);
            isGood = false;
        }
    }

    /// <summary>As the API takes it.</summary>
    public JsonObject ToJson() => new() { ["type"] = "ssh", ["privateKey"] = PrivateKey, ["passphrase"] = Passphrase, ["knownHosts"] = KnownHosts };

    /// <summary>Nothing of it.</summary>
    public override string ToString() => nameof(SshLogin);

    private static FileInfo OwnKnownHosts => new(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".ssh", "known_hosts"));

    private static string? ReadKnownHosts(GitUrl source, FileInfo file, Action<string> addError)
    {
        var name = Git.Ssh.KnownHosts.NameOf(source);
        var scan = $"ssh-keyscan -p {source.HostAndPort[(source.HostAndPort.LastIndexOf(':') + 1)..]} {source.Uri.Host.Trim('[', ']')}";
        var get = $"get it with `{scan} >> {file.FullName}`, and compare it with what the Git host publishes";
        if (!file.Exists)
        {
            addError($"--known-hosts: there is no file {file.FullName}, and a host whose key is not known is not trusted; {get}.");
            return null;
        }

        if (SecretFile.Read("--known-hosts", file, MaxKnownHostsBytes, addError) is not { } text)
            return null;
        var lines = Git.Ssh.KnownHosts.LinesFor(text, name);
        if (lines.Length == 0)
            addError($"--known-hosts: {file.FullName} has no key of {name}; {get}.");
        return lines;
    }
}
