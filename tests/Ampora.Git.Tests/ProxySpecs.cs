using System.ComponentModel.DataAnnotations;
using Ampora.Git.Credentials;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Git hosts that are reached through the operator's proxy.</summary>
public sealed class ProxySpecs : IAsyncLifetime
{
    private readonly TestAuthority _authority = new();
    private readonly ForwardProxy _proxy = new();
    private GitHttpServer _plain = null!;
    private GitHttpServer _secure = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _plain = await GitHttpServer.StartAsync();
        _secure = await GitHttpServer.StartAsync(_authority.Issue(90, "localhost", "127.0.0.1", "git.example.invalid"));
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _plain.DisposeAsync();
        await _secure.DisposeAsync();
        _authority.Dispose();
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, "robot:p@ss:wörd")]
    [InlineData(true, null)]
    [InlineData(true, "robot:p@ss:wörd")]
    public async Task Tips_and_fetches_go_through_it(bool secure, string? login)
    {
        _proxy.Login = login;
        await using var git = Git(login);
        var repository = (secure ? _secure : _plain).CreateRepository();
        var sha = await repository.CommitAsync(("a.txt", "one"));
        repository.RequireBasic("ada", "s3cr3t");
        var remote = GitServices.Remote(repository, new GitCredential.Basic("ada", "s3cr3t") { Ca = _authority.Pem });

        var tip = await git.Tips.ReadAsync(remote, "main", 0, Cancelled);
        await using var commit = await git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);

        Assert.Equal(sha, tip.Sha);
        await FetchSpecs.AssertSameAsync(repository, sha, commit);
        Assert.NotEmpty(_proxy.Requests);
        Assert.All(_proxy.Requests, request => Assert.StartsWith(secure ? $"CONNECT 127.0.0.1:{_secure.Port} " : request[..4] == "POST" ? "POST http://" : "GET http://", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_name_that_only_the_proxy_knows_is_the_proxy_s_to_resolve()
    {
        _proxy.Names["git.example.invalid"] = _secure.Port;
        await using var git = Git();
        var repository = _secure.CreateRepository();
        var sha = await repository.CommitAsync(("a.txt", "one"));

        var tip = await git.Tips.ReadAsync(
            GitServices.Remote("https://git.example.invalid/fleet.git", new GitCredential.None { Ca = _authority.Pem }), "main", 0, Cancelled);

        Assert.Equal(sha, tip.Sha);
        Assert.Equal(["CONNECT git.example.invalid:443 HTTP/1.1"], _proxy.Requests);
    }

    [Theory]
    [InlineData("http://169.254.169.254/x.git")]
    [InlineData("https://169.254.169.254/x.git")]
    [InlineData("http://localhost/x.git")]
    [InlineData("https://localhost/x.git")]
    [InlineData("https://[::ffff:169.254.169.254]/x.git")]
    public async Task An_address_that_is_denied_here_is_not_asked_of_the_proxy_which_is_trusted_itself(string url)
    {
        await using var git = Git(configure: limits => limits.AllowedNetworks = "");

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(url), "main", 0, Cancelled));

        Assert.Equal("address_denied", error.Code);
        Assert.Empty(_proxy.Requests);
    }

    [Fact]
    public async Task One_connection_to_the_proxy_does_not_serve_a_denied_host_after_an_allowed_one()
    {
        await using var git = Git(configure: limits => (limits.AllowedNetworks, limits.DeniedNetworks) = ("127.0.0.0/8", "127.9.9.9"));
        var repository = _plain.CreateRepository();
        await repository.CommitAsync(("a.txt", "one"));
        await git.Tips.ReadAsync(GitServices.Remote(repository), "main", 0, Cancelled);
        var before = _proxy.Requests.Count;

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote($"http://127.9.9.9:{_plain.Port}/fleet.git"), "main", 0, Cancelled));

        Assert.Equal("address_denied", error.Code);
        Assert.Equal(before, _proxy.Requests.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_login_that_is_missing_or_wrong_says_so_and_never_shows(bool secure)
    {
        _proxy.Login = "robot:s3cr3t";
        var repository = (secure ? _secure : _plain).CreateRepository();
        await using var without = Git();
        await using var wrong = Git("robot:wr0ng");
        var remote = GitServices.Remote(repository, new GitCredential.None { Ca = _authority.Pem });

        var missing = await Assert.ThrowsAsync<GitException>(() => without.Tips.ReadAsync(remote, "main", 0, Cancelled));
        var refused = await Assert.ThrowsAsync<GitException>(() => wrong.Tips.ReadAsync(remote, "main", 0, Cancelled));

        Assert.Equal(("proxy_failed", "proxy_failed"), (missing.Code, refused.Code));
        Assert.Contains("wants a login", missing.Message, StringComparison.Ordinal);
        Assert.Contains("does not accept", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", refused + refused.Remedy, StringComparison.Ordinal);
        Assert.Empty(repository.Requests);
    }

    [Fact]
    public async Task A_proxy_that_makes_no_tunnel_is_told_from_a_host_that_does_not_answer()
    {
        var down = FreePort.Next();
        _proxy.FailWith = "503 Service Unavailable";
        await using var git = Git();
        await using var nowhere = Git(configure: limits => limits.Proxy = $"http://127.0.0.1:{down}");

        var refused = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(_secure.CreateRepository()), "main", 0, Cancelled));
        var unreachable = await Assert.ThrowsAsync<GitException>(() => nowhere.Tips.ReadAsync(GitServices.Remote(_secure.CreateRepository("b")), "main", 0, Cancelled));

        Assert.Equal(("proxy_failed", "proxy_failed"), (refused.Code, unreachable.Code));
        Assert.Contains("503", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("example.com, 127.0.0.1")]
    [InlineData("0.0.1")]
    [InlineData(".0.0.1")]
    public async Task Hosts_can_be_left_out(string noProxy)
    {
        await using var git = Git(configure: limits => limits.NoProxy = noProxy);
        var repository = _plain.CreateRepository();
        var sha = await repository.CommitAsync(("a.txt", "one"));

        Assert.Equal(sha, (await git.Tips.ReadAsync(GitServices.Remote(repository), "main", 0, Cancelled)).Sha);
        Assert.Empty(_proxy.Requests);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("http://proxy:3128", true)]
    [InlineData("http://user:p%40ss@proxy:3128", true)]
    [InlineData("https://proxy:3128", false)]
    [InlineData("proxy:3128", false)]
    [InlineData("http://proxy:3128/path", false)]
    [InlineData("socks5://s3cr3t@proxy", false)]
    public void The_setting_is_checked_at_start_without_repeating_it(string text, bool valid)
    {
        var results = new List<ValidationResult>();
        var limits = new GitLimits { Proxy = text };

        Assert.Equal(valid, Validator.TryValidateObject(limits, new ValidationContext(limits), results, validateAllProperties: true));
        Assert.All(results, result => Assert.DoesNotContain("s3cr3t", result.ErrorMessage!, StringComparison.Ordinal));
    }

    private GitServices Git(string? login = null, Action<GitLimits>? configure = null) => new(limits =>
    {
        limits.Proxy = $"http://{(login is null ? "" : string.Join(':', login.Split(':', 2).Select(Uri.EscapeDataString)) + "@")}127.0.0.1:{_proxy.Port}";
        configure?.Invoke(limits);
    });
}
