using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Ampora.Git.Http;
using Ampora.Git.Ssh;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What using SSH must never do: show a key, reach what it was not opened for, or leave anything behind.</summary>
public sealed class SshGuardSpecs : IAsyncLifetime
{
    private const string Passphrase = "s3cr3t of the key";

    private readonly string _folder = Directory.CreateTempSubdirectory("ampora-ssh-test-").FullName;
    private GitServices _git = null!;
    private SshGitServer _server = null!;
    private GitRepository _repository = null!;
    private SshKey _key = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private GitRemote Remote => GitServices.Remote(_server, _repository, _key);

    public async ValueTask InitializeAsync()
    {
        _git = new GitServices(sshFolder: _folder);
        _server = await SshGitServer.StartAsync(cancellationToken: Cancelled);
        _repository = _server.CreateRepository();
        _key = await _server.CreateKeyAsync(passphrase: Passphrase, cancellationToken: Cancelled);
        await _repository.CommitAsync(("a.txt", "one"));
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Neither_key_nor_passphrase_is_in_a_command_line_or_an_environment_and_a_cancelled_use_leaves_nothing(bool fetches)
    {
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        var before = _server.Commands.Count;
        _server.Interfere("sleep 1000");
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        Task use = fetches
            ? _git.Fetcher.FetchAsync(Remote, tip, null, "key", impatient.Token)
            : _git.Tips.ReadAsync(Remote, "main", 0, impatient.Token);
        await UntilAsync(() => _server.Commands.Count > before);

        var own = Own();
        Assert.Contains(own, id => Read(id, "cmdline").StartsWith("ssh\0", StringComparison.Ordinal));
        Assert.Equal(fetches, own.Exists(id => Read(id, "cmdline").StartsWith("git\0fetch\0", StringComparison.Ordinal)));
        var secret = string.Concat(_key.PrivateKey.Split('\n')[1..^2]);
        foreach (var text in Processes().SelectMany(id => (string[])[Read(id, "cmdline"), Read(id, "environ")]))
        {
            Assert.DoesNotContain(Passphrase, text, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(Passphrase)), text, StringComparison.Ordinal);
            Assert.DoesNotContain(secret[..60], text.Replace("\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        var files = Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).ToList();
        Assert.Equal(["config", "key", "known-hosts", "lock", "passphrase"], files.Select(file => Path.GetFileName(file)!).Order());
        Assert.All(files, file => Assert.Equal(UnixFileMode.None, Mode(Path.GetDirectoryName(file)!) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)));
        Assert.All(files.Where(file => !file.EndsWith("lock", StringComparison.Ordinal)), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(file)));
        var port = int.Parse(File.ReadAllLines(files.Single(file => file.EndsWith("config", StringComparison.Ordinal))).Single(line => line.StartsWith("Port ", StringComparison.Ordinal))[5..], CultureInfo.InvariantCulture);
        // The connection that it was opened for is made; nobody else gets one.
        await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(port));

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => use);

        // A reading that several may share is ended by the last who leaves it, who does not wait for it.
        await UntilAsync(() => Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).All(file => file.EndsWith("/lock", StringComparison.Ordinal)));
        await UntilAsync(() => Own().Count == 0);
    }

    [Fact]
    public async Task The_folders_of_a_process_that_was_killed_go_when_the_next_one_starts_and_those_of_a_living_one_stay()
    {
        using var living = new SshFolders([_folder]);
        var kept = living.Make();
        var (orphan, unlocked) = (Path.Combine(_folder, "ampora-ssh-0123"), Path.Combine(_folder, "ampora-ssh-new-0123"));
        Directory.CreateDirectory(Path.Combine(orphan, "use"));
        Directory.CreateDirectory(unlocked);
        await File.WriteAllTextAsync(Path.Combine(orphan, "lock"), "", Cancelled);
        await File.WriteAllTextAsync(Path.Combine(orphan, "use", "key"), "left", Cancelled);

        using (var next = new SshFolders([_folder]))
        {
            Assert.False(Directory.Exists(orphan));
            Assert.True(Directory.Exists(kept));
            next.Make();
        }

        Assert.Equal(new[] { unlocked, Path.GetDirectoryName(kept) }.Order(), Directory.EnumerateDirectories(_folder, "ampora-ssh-*").Order());
    }

    [Fact]
    public async Task Where_memory_cannot_be_written_the_cache_folder_serves()
    {
        var cache = Directory.CreateDirectory(Path.Combine(_folder, "with 'quotes' and 100%")).FullName;
        await using var git = new GitServices(sshFolder: "/proc/nowhere", cacheFolder: cache);

        await using var commit = await git.Fetcher.FetchAsync(Remote, await git.Tips.ReadAsync(Remote, "main", 0, Cancelled), null, "key", Cancelled);

        Assert.Equal("a.txt", Assert.Single(commit.Entries).Path);
    }

    [Fact]
    public async Task A_host_that_sends_more_than_a_fetch_may_transfer_is_cut_off()
    {
        await _repository.CommitAsync([new GitFile("big.bin", System.Security.Cryptography.RandomNumberGenerator.GetBytes(2_000_000))]);
        await using var git = new GitServices(limits => limits.PackBytes = 200_000, sshFolder: _folder);
        var tip = await git.Tips.ReadAsync(Remote, "main", 0, Cancelled);

        var error = await Assert.ThrowsAsync<GitException>(() => git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled));

        Assert.Equal("limit_exceeded", error.Code);
        Assert.Contains("PackBytes", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_ssh_that_ends_while_the_host_goes_on_is_no_fault_of_the_host_and_ends_the_connection()
    {
        using var host = new TcpListener(IPAddress.Loopback, 0);
        host.Start();
        var remote = GitServices.Remote($"ssh://git@127.0.0.1:{((IPEndPoint)host.LocalEndpoint).Port}/x.git");
        var limits = new GitLimits { AllowedNetworks = "127.0.0.0/8" };
        await using var relay = new SshRelay(new GuardedConnector(new AddressPolicy(limits), limits), remote, long.MaxValue);
        using (var ssh = new TcpClient { LingerState = new LingerOption(true, 0) })
        {
            await ssh.ConnectAsync(IPAddress.Loopback, relay.Port, Cancelled);
            using var connection = await host.AcceptTcpClientAsync(Cancelled);
            var sending = SendForEverAsync(connection.GetStream());
            await ssh.GetStream().ReadExactlyAsync(new byte[100_000], Cancelled);
            ssh.Close();
            await Assert.ThrowsAsync<IOException>(() => sending.WaitAsync(TimeSpan.FromSeconds(60), Cancelled));
        }

        Assert.Null(relay.Failure);

        static async Task SendForEverAsync(Stream stream)
        {
            while (true)
                await stream.WriteAsync(new byte[10_000], Cancelled);
        }
    }

    [Fact]
    public async Task A_host_that_ends_in_the_middle_of_a_fetch_is_unreachable_and_the_next_fetch_works()
    {
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        _server.Interfere("sleep 0.2; kill -9 $PPID");
        Assert.Equal("unreachable", (await Assert.ThrowsAsync<GitException>(() => _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled))).Code);
        Assert.Equal("unreachable", (await Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(Remote, "main", 0, Cancelled))).Code);
        _server.Interfere(null);

        await using var commit = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);

        await FetchSpecs.AssertSameAsync(_repository, tip.Sha, commit);
    }

    private static async Task ConnectAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancelled);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var started = Stopwatch.GetTimestamp(); !condition() && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(60);)
            await Task.Delay(20, Cancelled);
        Assert.True(condition());
    }

    private static UnixFileMode Mode(string path) => OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path);

    private static IEnumerable<int> Processes() =>
        Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!, CultureInfo.InvariantCulture));

    /// <summary>Every process that uses a folder of this test, whoever its parent is by now.</summary>
    private List<int> Own() => [.. Processes().Where(id => Read(id, "environ").Contains(_folder, StringComparison.Ordinal))];

    private static string Read(int id, string file)
    {
        try
        {
            return Encoding.Latin1.GetString(File.ReadAllBytes($"/proc/{id}/{file}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
