using System.Security.Cryptography;
using Ampora.Git.Credentials;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Repositories that are read as an installation of a GitHub App.</summary>
public sealed class GitHubAppSpecs : IAsyncLifetime
{
    private const string AppId = "12345";
    private const long Installation = 987654;

    // Making one takes a while.
    private static readonly RSA Key = RSA.Create(2048);

    private readonly ManualClock _clock = new();
    private GitServices _git = null!;
    private GitHttpServer _server = null!;
    private GitHubHost _github = null!;
    private GitRepository _repository = null!;
    private string _sha = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _git = new GitServices(time: _clock);
        _server = await GitHttpServer.StartAsync();
        _server.GitHub = _github = new GitHubHost(_clock, AppId, Installation, Key);
        _repository = _server.CreateRepository("acme/fleet");
        _sha = await _repository.CommitAsync(("a.txt", "one"));
        _repository.RequireBasic("x-access-token", "none yet");
        _github.Repositories.Add(_repository);
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_installation_reads_and_fetches_with_one_token(bool pkcs8)
    {
        var remote = Remote(key: pkcs8 ? Key.ExportPkcs8PrivateKeyPem() : Key.ExportRSAPrivateKeyPem());

        var tip = await _git.Tips.ReadAsync(remote, "main", 0, Cancelled);
        await using var commit = await _git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);
        await _git.Tips.ReadAsync(remote, "main", 0, Cancelled);

        Assert.Equal(_sha, tip.Sha);
        await FetchSpecs.AssertSameAsync(_repository, _sha, commit);
        Assert.Equal(1, _github.Asked);
    }

    [Fact]
    public async Task Many_that_need_a_token_at_once_ask_for_one()
    {
        var others = Enumerable.Range(0, 5).Select(i => _server.CreateRepository($"acme/other-{i}")).ToList();
        foreach (var other in others)
        {
            await other.CommitAsync(("a.txt", "one"));
            other.RequireBasic("x-access-token", "none yet");
            _github.Repositories.Add(other);
        }

        await Task.WhenAll(others.Select(other => _git.Tips.ReadAsync(Remote(other), "main", 0, Cancelled)));

        Assert.Equal(1, _github.Asked);
    }

    [Fact]
    public async Task A_token_is_made_anew_five_minutes_before_it_ends()
    {
        await ReadAsync();
        _clock.Advance(TimeSpan.FromMinutes(54.9));
        await ReadAsync();
        Assert.Equal(1, _github.Asked);

        _clock.Advance(TimeSpan.FromMinutes(0.2));
        Assert.Equal(_sha, (await ReadAsync()).Sha);
        Assert.Equal(2, _github.Asked);
    }

    [Fact]
    public async Task A_token_that_ends_before_its_time_is_replaced_once_for_a_tip_and_a_fetch()
    {
        await ReadAsync();
        _github.NewToken();
        _repository.ForgetRequests();
        Assert.Equal(_sha, (await ReadAsync()).Sha);
        Assert.Equal(2, _github.Asked);
        Assert.Equal(2, _repository.Requests.Count);

        var tip = await ReadAsync();
        _github.NewToken();
        await using var commit = await _git.Fetcher.FetchAsync(Remote(), tip, null, "key", Cancelled);
        Assert.Equal(3, _github.Asked);
    }

    [Fact]
    public async Task A_repository_that_refuses_even_a_new_token_is_not_asked_for_ever()
    {
        var other = _server.CreateRepository("acme/other");
        await other.CommitAsync(("a.txt", "one"));
        other.RequireBasic("somebody", "else");

        var error = await Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(Remote(other), "main", 0, Cancelled));

        Assert.Equal("auth_failed", error.Code);
        Assert.Equal(2, other.Requests.Count);
    }

    [Theory]
    [InlineData(-240)]
    [InlineData(45)]
    [InlineData(240)]
    [InlineData(86_400)]
    public async Task A_clock_that_is_wrong_is_no_hindrance(int seconds)
    {
        var wrong = new ManualClock(_clock.GetUtcNow().AddSeconds(seconds));
        await using var git = new GitServices(time: wrong);

        Assert.Equal(_sha, (await git.Tips.ReadAsync(Remote(), "main", 0, Cancelled)).Sha);

        // The token lasts as long as GitHub says, whatever time it is here.
        wrong.Advance(TimeSpan.FromMinutes(54));
        _clock.Advance(TimeSpan.FromMinutes(54));
        var asked = _github.Asked;
        await git.Tips.ReadAsync(Remote(), "main", 0, Cancelled);
        Assert.Equal(asked, _github.Asked);
        wrong.Advance(TimeSpan.FromMinutes(2));
        _clock.Advance(TimeSpan.FromMinutes(2));
        await git.Tips.ReadAsync(Remote(), "main", 0, Cancelled);
        Assert.True(_github.Asked > asked);
    }

    [Fact]
    public async Task Each_refusal_says_what_to_look_at()
    {
        using var stranger = RSA.Create(2048);

        Assert.Contains("app's id", (await FailAsync(Remote(appId: "54321"))).Remedy, StringComparison.Ordinal);
        Assert.Contains("private key", (await FailAsync(Remote(key: stranger.ExportPkcs8PrivateKeyPem()))).Remedy, StringComparison.Ordinal);
        Assert.Contains("no installation 1", (await FailAsync(Remote(installation: "1"))).Remedy, StringComparison.Ordinal);
        Assert.Contains("no number", (await FailAsync(Remote(installation: "1/../2"))).Message, StringComparison.Ordinal);
        _github.IsSuspended = true;
        var suspended = await FailAsync(Remote());
        Assert.Contains("This installation has been suspended", suspended.Message, StringComparison.Ordinal);
        Assert.Contains("suspended", suspended.Remedy, StringComparison.Ordinal);
        _github.IsUninstalled = true;
        Assert.Contains("install it", (await FailAsync(Remote())).Remedy, StringComparison.Ordinal);
        Assert.Empty(_repository.Requests);
    }

    [Theory]
    [InlineData(500, "{}", "host_error")]
    [InlineData(201, "{}", "protocol_error")]
    [InlineData(201, "[]", "protocol_error")]
    [InlineData(201, "<html>", "protocol_error")]
    [InlineData(201, """{"token":"a\r\nb","expires_at":"2026-01-01T01:00:00Z"}""", "protocol_error")]
    [InlineData(201, """{"token":"","expires_at":"2026-01-01T01:00:00Z"}""", "protocol_error")]
    [InlineData(201, """{"token":"a","expires_at":"soon"}""", "protocol_error")]
    [InlineData(201, """{"token":7,"expires_at":"2026-01-01T01:00:00Z"}""", "protocol_error")]
    [InlineData(301, "", "auth_failed")]
    [InlineData(422, """{"message":["x"]}""", "auth_failed")]
    public async Task An_api_that_answers_otherwise_is_an_error(int status, string body, string code)
    {
        _github.FailWith = (status, body);

        Assert.Equal(code, (await FailAsync(Remote())).Code);
    }

    [Fact]
    public async Task The_api_s_limits_count()
    {
        _github.FailWith = (403, """{"message":"API rate limit exceeded"}""");
        _github.AnswerHeaders = new Dictionary<string, string>
        {
            ["X-RateLimit-Remaining"] = "0",
            ["X-RateLimit-Reset"] = _clock.GetUtcNow().AddMinutes(7).ToUnixTimeSeconds().ToString(),
        };

        var error = await FailAsync(Remote());

        Assert.Equal("rate_limited", error.Code);
        Assert.Equal(TimeSpan.FromMinutes(7), error.RetryAfter);

        // Nobody else with this credential asks before.
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(TimeSpan.FromMinutes(5), (await FailAsync(Remote())).RetryAfter);
        Assert.Equal(1, _github.Asked);
    }

    [Fact]
    public async Task NeitherKey_nor_token_shows_in_an_error()
    {
        await ReadAsync();
        _repository.RequireBasic("somebody", "else");
        _github.Repositories.Clear();

        var text = (await FailAsync(Remote())).ToString();

        Assert.All(_github.Tokens, token => Assert.DoesNotContain(token, text, StringComparison.Ordinal));
        Assert.DoesNotContain("PRIVATE", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://github.com/acme/fleet", "https://api.github.com")]
    [InlineData("https://acme.ghe.com/acme/fleet", "https://api.acme.ghe.com")]
    [InlineData("https://git.example.com/acme/fleet", "https://git.example.com/api/v3")]
    [InlineData("http://git.example.com:8080/acme/fleet", "http://git.example.com:8080/api/v3")]
    public void The_api_is_where_github_has_it(string url, string api) => Assert.Equal(api, InstallationTokens.ApiOf(new Uri(url)));

    [Theory]
    [InlineData("", "no RSA private key")]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "no RSA private key")]
    [InlineData("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "no RSA private key")]
    public async Task What_is_noKey_is_refused(string pem, string words)
    {
        Assert.Contains(words, AppAssertion.FindKeyProblem(pem)!, StringComparison.Ordinal);
        Assert.Equal("key_unreadable", (await FailAsync(Remote(key: pem))).Code);
    }

    [Fact]
    public void Keys_of_other_kinds_and_of_too_few_bits_are_refused()
    {
        using var small = RSA.Create(1024);
        using var curve = ECDsa.Create();

        Assert.Contains("2048", AppAssertion.FindKeyProblem(small.ExportPkcs8PrivateKeyPem())!, StringComparison.Ordinal);
        Assert.NotNull(AppAssertion.FindKeyProblem(curve.ExportPkcs8PrivateKeyPem()));
        Assert.NotNull(AppAssertion.FindKeyProblem(Key.ExportRSAPublicKeyPem()));
        Assert.NotNull(AppAssertion.FindKeyProblem(Key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000))));
        Assert.Null(AppAssertion.FindKeyProblem("a comment\n" + Key.ExportRSAPrivateKeyPem() + "\n"));
    }

    private GitRemote Remote(GitRepository? repository = null, string appId = AppId, string? installation = null, string? key = null) =>
        GitServices.Remote(repository ?? _repository, new GitCredential.GitHubApp(appId, installation ?? Installation.ToString(), key ?? Key.ExportRSAPrivateKeyPem()));

    private Task<Tip> ReadAsync() => _git.Tips.ReadAsync(Remote(), "main", 0, Cancelled);

    private Task<GitException> FailAsync(GitRemote remote) => Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(remote, "main", 0, Cancelled));
}
