using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ampora.TestServers;

/// <summary>A private key in the form that ssh-keygen writes it, and its public line.</summary>
/// <param name="PrivateKey">The text of the key's file.</param>
/// <param name="PublicKey">Type and key, without a comment.</param>
/// <param name="Passphrase">What encrypts it; null for none.</param>
public sealed record SshKey(string PrivateKey, string PublicKey, string? Passphrase);

/// <summary>
/// A Git host behind a real sshd on a free loopback port, for the user that the tests run as: bare repositories served by the real
/// <c>git-upload-pack</c>. What a <see cref="GitRepository"/> can be told about HTTP has no effect here.
/// </summary>
public sealed class SshGitServer : IAsyncDisposable
{
    // Where distributions put it, also when that is not in the PATH.
    private const string Daemon = "/usr/sbin/sshd";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("ampora-ssh-host-").FullName;
    private readonly List<GitRepository> _repositories = [];
    private readonly StringBuilder _log = new();
    private Process? _process;
    private string _publicHostKeys = "";

    private SshGitServer(bool acceptsVersion2)
    {
        AcceptsVersion2 = acceptsVersion2;
        Directory.CreateDirectory(Repositories);
    }

    public int Port { get; } = FreePort.Next();

    /// <summary>Whom keys log in.</summary>
    public static string User => Environment.UserName;

    /// <summary>Scheme, user, address and port, without a trailing slash.</summary>
    public string BaseUrl => $"ssh://{User}@127.0.0.1:{Port}";

    /// <summary>Whether GIT_PROTOCOL reaches git; without it the answer is v0's list of refs.</summary>
    public bool AcceptsVersion2 { get; }

    /// <summary>The lines that make this host known: one for each of its keys.</summary>
    public string KnownHosts => KnownAs($"[127.0.0.1]:{Port}");

    /// <summary>What sshd said so far.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Every command that a client has sent so far.</summary>
    public IReadOnlyList<string> Commands => File.Exists(CommandsFile) ? File.ReadAllLines(CommandsFile) : [];

    private string Repositories => Path.Combine(_folder, "repositories");

    private string CommandsFile => Path.Combine(_folder, "commands");

    private string InterferenceFile => Path.Combine(_folder, "interference");

    /// <param name="acceptsVersion2">Whether the host passes GIT_PROTOCOL on, as the large hosts do and a plain sshd does not.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<SshGitServer> StartAsync(bool acceptsVersion2 = true, CancellationToken cancellationToken = default)
    {
        if (!File.Exists(Daemon))
            MissingServer.SkipOrFail($"{Daemon} was not found: install openssh-server.");
        var server = new SshGitServer(acceptsVersion2);
        try
        {
            await server.ConfigureAsync(cancellationToken);
            await server.ListenAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The known_hosts lines of this host under another name, such as the one that a proxy is asked for.</summary>
    /// <param name="name"><c>host</c> or <c>[host]:port</c>.</param>
    public string KnownAs(string name) =>
        string.Concat(_publicHostKeys.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(key => $"{name} {key}\n"));

    /// <summary>Makes a key.</summary>
    /// <param name="type"><c>ed25519</c>, <c>rsa</c> or <c>ecdsa</c>.</param>
    /// <param name="passphrase">Encrypts it; null for none.</param>
    /// <param name="authorized">Whether it logs in here.</param>
    /// <param name="format"><c>RFC4716</c> for OpenSSH's own format; <c>PEM</c> or <c>PKCS8</c> for OpenSSL's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<SshKey> CreateKeyAsync(
        string type = "ed25519", string? passphrase = null, bool authorized = true, string format = "RFC4716", CancellationToken cancellationToken = default)
    {
        var path = Path.Combine(_folder, $"key-{Guid.NewGuid():n}");
        await RunAsync("ssh-keygen", ["-q", "-t", type, "-b", type == "rsa" ? "2048" : "256", "-m", format, "-N", passphrase ?? "", "-C", "", "-f", path], cancellationToken);
        var publicKey = (await File.ReadAllTextAsync(path + ".pub", cancellationToken)).Trim();
        if (authorized)
            await File.AppendAllTextAsync(Path.Combine(_folder, "authorized_keys"), publicKey + "\n", cancellationToken);
        return new SshKey(await File.ReadAllTextAsync(path, cancellationToken), publicKey, passphrase);
    }

    /// <summary>Makes an empty repository, served at <c>{BaseUrl}/{name}.git</c>; the name may have folders.</summary>
    /// <param name="name">Such as <c>acme/fleet</c>.</param>
    /// <param name="objectFormat"><c>sha1</c> or <c>sha256</c>.</param>
    public GitRepository CreateRepository(string name = "fleet", string objectFormat = "sha1")
    {
        var path = Path.Combine(Repositories, name + ".git");
        GitProgram.RunAsync(null, ["init", "--quiet", "--bare", "--initial-branch=main", $"--object-format={objectFormat}", path], null, default)
            .GetAwaiter().GetResult();
        return Add(name, path);
    }

    /// <summary>Serves a bare repository that lies elsewhere, such as another server's, at <c>{BaseUrl}/{name}.git</c>. It stays where it is.</summary>
    /// <param name="name">Such as <c>acme/fleet</c>.</param>
    /// <param name="folder">The bare repository.</param>
    public GitRepository Serve(string name, string folder)
    {
        var path = Path.Combine(Repositories, name + ".git");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Directory.CreateSymbolicLink(path, folder);
        return Add(name, folder);
    }

    /// <summary>Lets a piece of shell run before each command, such as <c>sleep 1000</c>; null ends that.</summary>
    public void Interfere(string? script)
    {
        if (script is null)
            File.Delete(InterferenceFile);
        else
            File.WriteAllText(InterferenceFile, script);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        foreach (var repository in _repositories)
            repository.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private GitRepository Add(string name, string folder)
    {
        var repository = new GitRepository(folder, $"{BaseUrl}/{name}.git");
        _repositories.Add(repository);
        return repository;
    }

    private async Task ConfigureAsync(CancellationToken cancellationToken)
    {
        var keys = new StringBuilder();
        foreach (var type in (string[])["ed25519", "ecdsa"])
        {
            var path = Path.Combine(_folder, "host-" + type);
            await RunAsync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "", "-f", path], cancellationToken);
            keys.Append((await File.ReadAllTextAsync(path + ".pub", cancellationToken)).Trim()).Append('\n');
        }

        _publicHostKeys = keys.ToString();
        await File.WriteAllTextAsync(Path.Combine(_folder, "authorized_keys"), "", cancellationToken);
        // Hosts take /team/x.git and team/x.git for the same.
        await Executable.WriteAsync(
            Path.Combine(_folder, "serve"),
            $"""
            #!/bin/sh
            export PATH='{Environment.GetEnvironmentVariable("PATH")}' LC_ALL=C GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
            printf '%s\n' "$SSH_ORIGINAL_COMMAND" >>'{CommandsFile}'
            [ ! -e '{InterferenceFile}' ] || . '{InterferenceFile}'
            eval "set -- $SSH_ORIGINAL_COMMAND"
            [ "$1" = git-upload-pack ] || {'{'} echo "fatal: unrecognized command '$1'" >&2; exit 128; {'}'}
            cd '{Repositories}' && exec git-upload-pack "$(printf '%s' "$2" | sed 's,^/*,,')"
            """.ReplaceLineEndings("\n") + "\n",
            cancellationToken);
        var config = $"""
            ListenAddress 127.0.0.1:{Port}
            HostKey {_folder}/host-ed25519
            HostKey {_folder}/host-ecdsa
            AuthorizedKeysFile {_folder}/authorized_keys
            ForceCommand {_folder}/serve
            PidFile none
            StrictModes no
            UsePAM no
            PermitRootLogin prohibit-password
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            MaxStartups 1000
            MaxAuthTries 100
            {(AcceptsVersion2 ? "AcceptEnv GIT_PROTOCOL" : "")}
            """ + "\n";
        await File.WriteAllTextAsync(ConfigFile, config, cancellationToken);
        // Later versions turn away whoever failed to log in; earlier ones do not know the setting.
        const string noPenalties = "PerSourcePenalties no";
        if (await TryRunAsync(Daemon, ["-t", "-f", ConfigFile, "-o", noPenalties], cancellationToken) is null)
            await File.AppendAllTextAsync(ConfigFile, noPenalties + "\n", cancellationToken);
    }

    private string ConfigFile => Path.Combine(_folder, "sshd_config");

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        // The empty folder that a root's sshd locks its children in; a service's unit would make it.
        if (Environment.IsPrivilegedProcess)
            Directory.CreateDirectory("/run/sshd");
        var start = GitProgram.StartInfo(Daemon, _folder);
        foreach (var argument in (string[])["-D", "-e", "-f", ConfigFile])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_log)
                _log.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();
        for (var started = Stopwatch.GetTimestamp(); !await AnswersAsync(cancellationToken);)
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(started) > Deadline)
                throw new InvalidOperationException($"sshd did not start: {Log}");
            await Task.Delay(20, cancellationToken);
        }
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port, cancellationToken);
            var banner = new byte[4];
            await client.GetStream().ReadExactlyAsync(banner, cancellationToken);
            return banner.AsSpan().SequenceEqual("SSH-"u8);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        if (await TryRunAsync(program, arguments, cancellationToken) is { } errors)
            throw new InvalidOperationException($"{program} failed: {errors}");
    }

    private static async Task<string?> TryRunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var start = GitProgram.StartInfo(program, null);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? null : await errors;
    }
}
