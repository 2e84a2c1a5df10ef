using System.Net;
using System.Net.Sockets;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What goes wrong with an SSH host is said by its code, for a tip as for a fetch, and leaves nothing behind.</summary>
public sealed class SshFailureSpecs(SshFailureSpecs.Host host) : IClassFixture<SshFailureSpecs.Host>, IAsyncLifetime
{
    private static readonly Tip SomeTip = new(new string('1', 40), "refs/heads/main");

    private readonly string _folder = Directory.CreateTempSubdirectory("ampora-ssh-test-").FullName;
    private GitServices _git = null!;
    private SshGitServer _server = null!;
    private SshKey _key = null!;
    private GitRepository _repository = null!;
    private int _commandsBefore;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _git = new GitServices(sshFolder: _folder);
        (_server, _key) = await host.StartAsync();
        _repository = _server.CreateRepository($"fleet-{Guid.NewGuid():n}");
        _commandsBefore = _server.Commands.Count;
        await _repository.CommitAsync(("a.txt", "one"));
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        _server?.Interfere(null);
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("git.example.com ")]
    [InlineData("127.0.0.1 ")]
    public async Task CVE_2025_23390_a_host_whose_key_is_not_known_is_not_talked_to(string name)
    {
        var lines = name.Length == 0 ? "# none" : _server.KnownAs(name.Trim());

        await AssertFailsAsync("host_key_unknown", GitServices.Remote(_server, _repository, _key, lines));

        Assert.Equal(_commandsBefore, _server.Commands.Count);
    }

    [Fact]
    public async Task A_host_whose_key_is_another_one_than_before_is_not_talked_to()
    {
        var other = await _server.CreateKeyAsync(authorized: false, cancellationToken: Cancelled);

        var error = await AssertFailsAsync("host_key_changed", GitServices.Remote(_server, _repository, _key, $"[127.0.0.1]:{_server.Port} {other.PublicKey}\n"));

        Assert.Matches("SHA256:[A-Za-z0-9+/]{43}", error.Message);

        Assert.Equal(_commandsBefore, _server.Commands.Count);
    }

    [Fact]
    public async Task A_host_key_that_is_revoked_is_not_accepted()
    {
        var lines = _server.KnownHosts + string.Concat(_server.KnownHosts.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"@revoked {line}\n"));

        await AssertFailsAsync("host_key_changed", GitServices.Remote(_server, _repository, _key, lines));
    }

    [Fact]
    public async Task A_key_that_the_host_does_not_know_is_told_from_one_that_cannot_be_read()
    {
        await AssertFailsAsync("auth_failed", Remote(await _server.CreateKeyAsync(authorized: false, cancellationToken: Cancelled)));
        await AssertFailsAsync("key_unreadable", Remote(_key with { PrivateKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nnonsense\n-----END OPENSSH PRIVATE KEY-----\n" }));
        await AssertFailsAsync("key_unreadable", Remote(_key with { PrivateKey = "nonsense" }));
        await AssertFailsAsync("key_unreadable", Remote(_key with { PrivateKey = _key.PrivateKey[..(_key.PrivateKey.Length / 2)] }));
        var encrypted = await _server.CreateKeyAsync(passphrase: "the right one", cancellationToken: Cancelled);
        await AssertFailsAsync("key_unreadable", Remote(encrypted with { Passphrase = "the wrong one" }));
        await AssertFailsAsync("key_unreadable", Remote(encrypted with { Passphrase = null }));
    }

    [Fact]
    public async Task A_key_with_the_line_ends_of_another_system_and_around_it_blank_lines_works()
    {
        var remote = Remote(_key with { PrivateKey = _key.PrivateKey.ReplaceLineEndings("\r\n") + "\r\n\r\n" });

        Assert.Equal(await _repository.TipAsync(), (await _git.Tips.ReadAsync(remote, "main", 0, Cancelled)).Sha);
    }

    [Fact]
    public async Task A_repository_that_is_not_there_and_hosts_words_for_it()
    {
        var missing = GitServices.Remote($"{_server.BaseUrl}/missing.git", Remote(_key).Credential);
        await AssertFailsAsync("not_found", missing);

        foreach (var words in (string[])["ERROR: Repository not found.", "remote: ERROR: The project you were looking for could not be found or you don't have permission to view it.", "FATAL: R any fleet ada DENIED by fallthru"])
        {
            _server.Interfere($"echo \"{words}\" >&2; exit 1");
            await AssertFailsAsync("not_found", Remote(_key));
        }

        _server.Interfere("printf '%s' '0036ERR access denied or repository not found: fleet.g'; exit 0");
        Assert.Equal("not_found", (await TipAsync(Remote(_key))).Code);
    }

    [Theory]
    [InlineData("echo 'sh: git-upload-pack: command not found' >&2; exit 127", "host_error")]
    [InlineData("echo hello; exit 0", "protocol_error")]
    [InlineData("exit 0", "protocol_error")]
    [InlineData("exit 3", "unreachable")]
    [InlineData("printf 'This account is currently not available.\\n'; sleep 1000", "protocol_error")]
    [InlineData("printf '000eversion 2\\n0000'; sleep 1000", "protocol_error")]
    [InlineData("printf '000eversion 2\\n'; exit 1", "unreachable")]
    public async Task A_host_that_answers_something_else_is_told_so(string script, string code)
    {
        _server.Interfere(script);

        var error = await TipAsync(Remote(_key));

        Assert.Equal(code, error.Code);
        AssertNothingLeft();
    }

    [Fact]
    public async Task A_host_that_is_silent_or_sends_a_byte_now_and_then_is_given_up_at_the_deadline()
    {
        await using var git = new GitServices(
            limits =>
            {
                limits.TipDeadline = TimeSpan.FromSeconds(1);
                limits.FetchDeadline = TimeSpan.FromSeconds(1);
            },
            sshFolder: _folder);
        foreach (var speaks in (bool[])[false, true])
        {
            await using var host = new DrippingHost(speaks);
            var remote = GitServices.Remote($"ssh://git@127.0.0.1:{host.Port}/x.git", Remote(_key).Credential);

            Assert.Equal("timeout", (await TipAsync(remote, git)).Code);
            Assert.Equal("timeout", (await FetchAsync(remote, git)).Code);
            AssertNothingLeft();
        }
    }

    [Fact]
    public async Task A_host_that_refuses_or_closes_the_connection_is_unreachable()
    {
        using (var nobody = new TcpListener(IPAddress.Loopback, 0))
        {
            nobody.Start();
            var port = ((IPEndPoint)nobody.LocalEndpoint).Port;
            nobody.Stop();
            var error = await AssertFailsAsync("unreachable", GitServices.Remote($"ssh://git@127.0.0.1:{port}/x.git", Remote(_key).Credential));
            Assert.Contains("nothing listens there", error.Message, StringComparison.Ordinal);
        }

        await using var http = await GitHttpServer.StartAsync();
        await AssertFailsAsync("unreachable", GitServices.Remote($"ssh://git@127.0.0.1:{http.Port}/x.git", Remote(_key).Credential));
    }

    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("[::ffff:127.0.0.1]")]
    public async Task A_denied_address_is_not_connected_to_nor_a_name_that_resolves_to_one(string host)
    {
        await using var git = new GitServices(limits => limits.AllowedNetworks = "", sshFolder: _folder);
        var remote = GitServices.Remote($"ssh://{SshGitServer.User}@{host}:{_server.Port}/{Path.GetFileName(_repository.FolderPath)}", Remote(_key).Credential);

        Assert.Equal("address_denied", (await TipAsync(remote, git)).Code);
        Assert.Equal("address_denied", (await FetchAsync(remote, git)).Code);

        AssertNothingLeft();
        Assert.Equal(_commandsBefore, _server.Commands.Count);
    }

    [Fact]
    public async Task Without_an_ssh_key_no_ssh_host_is_asked()
    {
        await AssertFailsAsync("credential_unsupported", GitServices.Remote(_repository));
        await AssertFailsAsync("credential_unsupported", GitServices.Remote(_repository, GitServices.Basic("ada", "secret")));
    }

    private GitRemote Remote(SshKey key) => GitServices.Remote(_server, _repository, key);

    private async Task<GitException> AssertFailsAsync(string code, GitRemote remote)
    {
        var tip = await TipAsync(remote);
        Assert.Equal(code, tip.Code);
        AssertNothingLeft();
        var fetch = await FetchAsync(remote);
        Assert.Equal(code, fetch.Code);
        AssertNothingLeft();
        foreach (var text in (string[])[tip.ToString(), fetch.ToString(), tip.Remedy, fetch.Remedy])
        {
            Assert.DoesNotContain("ampora-relay", text, StringComparison.Ordinal);
            Assert.DoesNotContain(_folder, text, StringComparison.Ordinal);
            Assert.DoesNotContain("the wrong one", text, StringComparison.Ordinal);
        }

        return tip;
    }

    private Task<GitException> TipAsync(GitRemote remote, GitServices? git = null) =>
        Assert.ThrowsAsync<GitException>(() => (git ?? _git).Tips.ReadAsync(remote, "main", 0, Cancelled));

    private Task<GitException> FetchAsync(GitRemote remote, GitServices? git = null) =>
        Assert.ThrowsAsync<GitException>(() => (git ?? _git).Fetcher.FetchAsync(remote, SomeTip, null, "key", Cancelled));

    // What is left is the lock that keeps others from clearing up.
    private void AssertNothingLeft() => Assert.All(
        Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories), file => Assert.Equal("lock", Path.GetFileName(file)));

    /// <summary>One host for all of these tests: each has a repository of its own, and one at a time tells the host what to do.</summary>
    public sealed class Host : IAsyncDisposable
    {
        private (SshGitServer Server, SshKey Key)? _started;

        // By the first test, which is skipped where there is no sshd.
        public async Task<(SshGitServer Server, SshKey Key)> StartAsync()
        {
            if (_started is null)
            {
                var server = await SshGitServer.StartAsync(cancellationToken: Cancelled);
                _started = (server, await server.CreateKeyAsync(cancellationToken: Cancelled));
            }

            return _started.Value;
        }

        public ValueTask DisposeAsync() => _started?.Server.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    private sealed class DrippingHost : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stopping = new();
        private readonly Task _serving;

        public DrippingHost(bool speaks)
        {
            _listener.Start();
            _serving = ServeAsync(speaks);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            _listener.Dispose();
            await _serving;
            _stopping.Dispose();
        }

        private async Task ServeAsync(bool speaks)
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync(_stopping.Token);
                    foreach (var one in Encoding.ASCII.GetBytes("SSH-2.0-OpenSSH_of_old"))
                    {
                        if (speaks)
                            await client.GetStream().WriteAsync(new[] { one }, _stopping.Token);
                        await Task.Delay(200, _stopping.Token);
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
            {
                if (!_stopping.IsCancellationRequested)
                    await ServeAsync(speaks);
            }
        }
    }
}
