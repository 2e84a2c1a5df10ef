using Ampora.Git.Credentials;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>A host whose certificate is from an authority of its own.</summary>
public sealed class AuthoritySpecs : IAsyncLifetime
{
    private readonly GitServices _git = new();
    private readonly TestAuthority _authority = new();
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;
    private string _sha = "";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync(_authority.Issue(90, "localhost", "127.0.0.1"));
        _repository = _server.CreateRepository();
        _sha = await _repository.CommitAsync(("a.txt", "one"));
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        await _server.DisposeAsync();
        _authority.Dispose();
    }

    [Fact]
    public async Task The_credential_s_authority_vouches_for_the_host_for_a_tip_and_a_fetch_alike()
    {
        var remote = GitServices.Remote(_repository, new GitCredential.None { Ca = _authority.Pem });

        var tip = await _git.Tips.ReadAsync(remote, "main", 0, Cancelled);
        await using var commit = await _git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);

        Assert.Equal(_sha, tip.Sha);
        await FetchSpecs.AssertSameAsync(_repository, _sha, commit);
    }

    [Fact]
    public async Task An_authority_goes_together_with_a_login()
    {
        _repository.RequireBasic("ada", "s3cr3t");

        Assert.Equal(_sha, (await _git.Tips.ReadAsync(
            GitServices.Remote(_repository, new GitCredential.Basic("ada", "s3cr3t") { Ca = _authority.Pem }), "main", 0, Cancelled)).Sha);
        Assert.Equal("auth_failed", (await FailAsync(_repository.Url, new GitCredential.None { Ca = _authority.Pem })).Code);
    }

    [Fact]
    public async Task Without_it_or_with_another_the_host_is_not_trusted_and_it_is_said_what_to_do()
    {
        using var other = new TestAuthority("Another");

        var without = await FailAsync(_repository.Url, null);
        var wrong = await FailAsync(_repository.Url, new GitCredential.Basic("ada", "s3cr3t") { Ca = other.Pem });

        Assert.Equal(("tls_failed", "tls_failed"), (without.Code, wrong.Code));
        Assert.Contains("the credential's ca", without.Remedy, StringComparison.Ordinal);
        Assert.Contains("does not vouch", wrong.Message, StringComparison.Ordinal);
        Assert.Empty(_repository.Requests);
    }

    [Fact]
    public async Task An_authority_of_one_credential_counts_for_no_other()
    {
        Assert.Equal(_sha, (await _git.Tips.ReadAsync(GitServices.Remote(_repository, new GitCredential.None { Ca = _authority.Pem }), "main", 0, Cancelled)).Sha);

        Assert.Equal("tls_failed", (await FailAsync(_repository.Url, null)).Code);
    }

    [Fact]
    public async Task The_name_of_the_host_counts_all_the_same()
    {
        await using var server = await GitHttpServer.StartAsync(_authority.Issue(90, "git.example.com"));
        var repository = server.CreateRepository();

        var error = await FailAsync(repository.Url, new GitCredential.None { Ca = _authority.Pem });

        Assert.Equal("tls_failed", error.Code);
        Assert.Contains("not for 127.0.0.1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_has_expired_is_said_to_have()
    {
        await using var server = await GitHttpServer.StartAsync(_authority.Issue(5, "127.0.0.1"));
        var repository = server.CreateRepository();

        var error = await FailAsync(repository.Url, new GitCredential.None { Ca = _authority.Pem });

        Assert.Equal("tls_failed", error.Code);
        Assert.Contains("expired", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "no certificate")]
    [InlineData("hello", "no certificate")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "private key")]
    public async Task What_is_no_certificate_is_refused(string pem, string words)
    {
        Assert.Contains(words, CertificateAuthorities.FindProblem(pem)!, StringComparison.Ordinal);

        var error = await FailAsync(_repository.Url, new GitCredential.None { Ca = pem });

        Assert.Equal("tls_failed", error.Code);
        Assert.DoesNotContain("AAAA", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Several_certificates_are_accepted_and_very_many_are_not()
    {
        using var other = new TestAuthority("Another");

        Assert.Null(CertificateAuthorities.FindProblem($"# ours\n{_authority.Pem}\n{other.Pem}\n"));
        Assert.NotNull(CertificateAuthorities.FindProblem(string.Concat(Enumerable.Repeat(_authority.Pem + "\n", 1000))));
    }

    private Task<GitException> FailAsync(string url, GitCredential? credential) =>
        Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(GitServices.Remote(url, credential), "main", 0, Cancelled));
}
