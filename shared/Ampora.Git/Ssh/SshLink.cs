using System.Globalization;
using Ampora.Git.Credentials;
using Ampora.Git.Fetching;
using Ampora.Git.Protocol;

namespace Ampora.Git.Ssh;

/// <summary>
/// All that one use of <c>ssh</c> needs: the relay to the host, and a folder with its whole configuration, the key and the keys of the host. ssh reads nobody
/// else's configuration, asks nobody, and offers nothing but this key.
/// </summary>
internal sealed class SshLink : IAsyncDisposable
{
    /// <summary>The name that ssh knows the host by.</summary>
    public const string HostName = "ampora-relay";

    /// <summary>Tells the askpass script which file to print.</summary>
    public const string PassphraseVariable = "SSH_PASSPHRASE_FILE";

    private readonly SshRelay _relay;
    private readonly string _folder;
    private readonly GitLimits _limits;
    private readonly GitRemote _remote;

    private SshLink(GitRemote remote, SshRelay relay, string folder, GitLimits limits, IReadOnlyDictionary<string, string> variables)
    {
        (_remote, _relay, _folder, _limits, Variables) = (remote, relay, folder, limits, variables);
    }

    /// <summary>Whose host it leads to.</summary>
    public GitRemote Remote => _remote;

    /// <summary>The arguments that every ssh gets.</summary>
    public IReadOnlyList<string> Arguments => ["-F", ConfigFile];

    /// <summary>What its environment has to have: names of files, and nothing secret.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; }

    /// <summary>Where all of its files are.</summary>
    public string Folder => _folder;

    /// <summary>What git is given for the repository: the host's name is the relay's.</summary>
    public string Address => _remote.Url.Ssh!.FetchPath is var path && path.StartsWith('/') ? $"ssh://{HostName}{path}" : HostName + path;

    /// <summary>The command that git runs for ssh, quoted for the shell that it runs it with.</summary>
    public string Command => $"ssh -F {Quote(ConfigFile)}";

    private string ConfigFile => Path.Combine(_folder, "config");

    private string KeyFile => Path.Combine(_folder, "key");

    /// <summary>Opens one.</summary>
    /// <param name="remote">An SSH remote.</param>
    /// <param name="relay">The way to its host; it belongs to the link from now on.</param>
    /// <param name="folders">Where to keep its files.</param>
    /// <param name="limits">Deadlines and memory.</param>
    /// <exception cref="GitException">The remote has no SSH key.</exception>
    public static async Task<SshLink> OpenAsync(GitRemote remote, SshRelay relay, SshFolders folders, GitLimits limits)
    {
        string? folder = null;
        try
        {
            if (!remote.Url.IsSsh || remote.Credential is not GitCredential.Ssh credential)
                throw new GitException("credential_unsupported", "An SSH host wants an SSH key.", "Give the source a credential of type ssh, or its https URL.");
            folder = folders.Make();
            var variables = new Dictionary<string, string>();
            // ssh takes no key without a line feed at its end.
            Write("key", credential.PrivateKey.ReplaceLineEndings("\n").TrimEnd('\n') + "\n");
            Write("known-hosts", credential.KnownHosts.ReplaceLineEndings("\n") + "\n");
            if (credential.Passphrase is { Length: > 0 } passphrase)
            {
                Write("passphrase", passphrase + "\n");
                variables["SSH_ASKPASS"] = folders.AskPass();
                variables["SSH_ASKPASS_REQUIRE"] = "force";
                variables[PassphraseVariable] = Path.Combine(folder, "passphrase");
            }

            var link = new SshLink(remote, relay, folder, limits, variables);
            Write("config", link.Configuration(hasPassphrase: variables.ContainsKey(PassphraseVariable)));
            return link;
        }
        catch (Exception e)
        {
            await relay.DisposeAsync();
            if (folder is not null)
                SshFolders.Remove(folder);
            if (e is not (IOException or UnauthorizedAccessException))
                throw;
            throw new GitException(
                "fetch_failed",
                $"There is no place for the key while OpenSSH uses it: {Readable.Line(e.Message)}",
                $"Let Ampora write to {SshFolders.Memory} or to Ampora__Git__CacheFolder, and make room there.",
                e);
        }

        // A few lines each, and mostly into memory.
        void Write(string name, string text) => SshFolders.WritePrivate(Path.Combine(folder!, name), text);
    }

    /// <summary>Why ssh failed; null when nothing that it said is about the connection, the keys or the repository.</summary>
    /// <param name="errors">What it said on standard error.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<GitException?> ExplainAsync(string errors, CancellationToken cancellationToken)
    {
        if (_relay.Failure is { } failure)
            return failure;
        var explained = SshErrors.Of(Hide(errors), _remote);
        // A wrong passphrase ssh keeps to itself, and then has no key to offer.
        return explained?.Code == "auth_failed" && await FindKeyProblemAsync(cancellationToken) is { } problem ? SshErrors.KeyUnreadable(problem) : explained;
    }

    /// <summary>What ssh or git said, with the host's name and address where it names the relay and its files.</summary>
    public string Hide(string errors) => errors
        .Replace(Address, _remote.Url.ToString(), StringComparison.Ordinal)
        .Replace($"127.0.0.1 port {_relay.Port.ToString(CultureInfo.InvariantCulture)}", _remote.Url.HostAndPort, StringComparison.Ordinal)
        .Replace(HostName, _remote.Url.HostAndPort, StringComparison.Ordinal)
        .Replace(_folder + "/", "", StringComparison.Ordinal);

    public async ValueTask DisposeAsync()
    {
        await _relay.DisposeAsync();
        SshFolders.Remove(_folder);
    }

    private async Task<string?> FindKeyProblemAsync(CancellationToken cancellationToken)
    {
        await using var keygen = ChildProcess.Start("ssh-keygen", ["-y", "-f", KeyFile], _folder, Variables, _limits.ChildMemoryBytes);
        keygen.Input.Close();
        await keygen.Output.CopyToAsync(Stream.Null, cancellationToken);
        var (exitCode, errors) = await keygen.EndAsync(cancellationToken);
        return exitCode == 0 ? null : Hide(errors);
    }

    // ssh_config(5). Defaults are said too where another one would give something away.
    private string Configuration(bool hasPassphrase)
    {
        string[] lines =
        [
            $"Host {HostName}",
            "HostName 127.0.0.1",
            $"Port {_relay.Port.ToString(CultureInfo.InvariantCulture)}",
            $"HostKeyAlias {KnownHosts.NameOf(_remote.Url)}",
            "CheckHostIP no",
            $"User {_remote.Url.SshUser}",
            $"IdentityFile {Escape(KeyFile)}",
            "IdentitiesOnly yes",
            "IdentityAgent none",
            "AddKeysToAgent no",
            $"UserKnownHostsFile {Escape(Path.Combine(_folder, "known-hosts"))}",
            "GlobalKnownHostsFile /dev/null",
            "StrictHostKeyChecking yes",
            "VerifyHostKeyDNS no",
            "UpdateHostKeys no",
            "PreferredAuthentications publickey",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "HostbasedAuthentication no",
            // Asked again, the script would say the same.
            "NumberOfPasswordPrompts 1",
            // Without a passphrase nothing is to ask for one; with BatchMode the script would not be asked either.
            hasPassphrase ? "BatchMode no" : "BatchMode yes",
            "ForwardAgent no",
            "ForwardX11 no",
            "ClearAllForwardings yes",
            "Tunnel no",
            "PermitLocalCommand no",
            "ProxyCommand none",
            "ControlMaster no",
            "ControlPath none",
            "RequestTTY no",
            "EscapeChar none",
            "Compression no",
            "SendEnv GIT_PROTOCOL",
            "LogLevel ERROR",
            "ConnectionAttempts 1",
            $"ConnectTimeout {Math.Ceiling(_limits.TipDeadline.TotalSeconds).ToString(CultureInfo.InvariantCulture)}",
        ];
        return string.Join('\n', lines) + "\n";
    }

    // In a path, ssh replaces what follows a percent sign.
    private static string Escape(string path) => $"\"{path.Replace("%", "%%", StringComparison.Ordinal)}\"";

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
