using Ampora.Git.Credentials;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Reading tips from a real Git host.</summary>
public sealed class TipSpecs : GitHostSpecs
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_way_to_name_a_ref_finds_its_commit(bool onlyV0)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        var main = await Repository.CommitAsync(("a.txt", "one"));
        var other = await Repository.CommitAsync([new GitFile("b.txt", "two"u8.ToArray())], "main2");
        var accented = await Repository.CommitAsync([new GitFile("c.txt", "three"u8.ToArray())], "größe");
        var tag = await Repository.TagAsync("v1", other);
        await Repository.RunGitAsync("tag", "light", main);
        await Repository.TagAsync("main", other);
        await Repository.TagAsync("both", other);
        await Repository.RunGitAsync("tag", "--annotate", "--message", "of a tag", "nested", "v1");
        Assert.NotEqual(other, tag);

        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("main"));
        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("refs/heads/main"));
        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("HEAD"));
        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("heads/main"));
        Assert.Equal(new Tip(other, "refs/heads/main2"), await ReadAsync("main2"));
        Assert.Equal(new Tip(other, "refs/tags/main"), await ReadAsync("refs/tags/main"));
        Assert.Equal(new Tip(other, "refs/tags/v1"), await ReadAsync("v1"));
        Assert.Equal(new Tip(other, "refs/tags/v1"), await ReadAsync("tags/v1"));
        Assert.Equal(new Tip(other, "refs/tags/nested"), await ReadAsync("nested"));
        Assert.Equal(new Tip(main, "refs/tags/light"), await ReadAsync("light"));
        Assert.Equal(new Tip(accented, "refs/heads/größe"), await ReadAsync("größe"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_ref_that_only_begins_like_another_is_not_it(bool onlyV0)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        await Repository.CommitAsync([new GitFile("a.txt", "one"u8.ToArray())], "main2");
        await Repository.RunGitAsync("symbolic-ref", "HEAD", "refs/heads/main2");

        var error = await FailAsync("main");

        Assert.Equal("ref_not_found", error.Code);
        Assert.Contains("refs/heads/main2", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_empty_repository_is_told_from_a_missing_ref(bool onlyV0)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        Assert.Equal("empty_repository", (await FailAsync("main")).Code);
        Assert.Equal("empty_repository", (await FailAsync("HEAD")).Code);

        await Repository.CommitAsync([new GitFile("a.txt", "one"u8.ToArray())], "other");
        Assert.Equal("ref_not_found", (await FailAsync("main")).Code);
        Assert.Equal("ref_not_found", (await FailAsync("HEAD")).Code);
    }

    [Fact]
    public async Task A_detached_head_has_no_branch()
    {
        var sha = await Repository.CommitAsync(("a.txt", "one"));
        await Repository.RunGitAsync("update-ref", "--no-deref", "HEAD", sha);

        Assert.Equal(new Tip(sha, "HEAD"), await ReadAsync("HEAD"));
    }

    [Fact]
    public async Task A_sha256_repository_is_read_by_its_own_ids()
    {
        var repository = Host.CreateRepository("sha256", "sha256");
        var sha = await repository.CommitAsync(("a.txt", "one"));
        Assert.Equal(64, sha.Length);

        Assert.Equal(sha, (await Services.Tips.ReadAsync(GitServices.Remote(repository), "main", 0, Cancelled)).Sha);
        repository.OnlyProtocolV0 = true;
        Assert.Equal(sha, (await Services.Tips.ReadAsync(GitServices.Remote(repository), "main", 0, Cancelled)).Sha);
    }

    [Fact]
    public async Task Discovery_happens_once_and_then_each_check_is_one_request()
    {
        await Repository.CommitAsync(("a.txt", "one"));
        for (var i = 0; i < 5; i++)
            await ReadAsync("main");

        Assert.Equal(1, Repository.Count(GitRequestKind.InfoRefs));
        Assert.Equal(5, Repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_server_that_loses_protocol_v2_is_discovered_anew()
    {
        var first = await Repository.CommitAsync(("a.txt", "one"));
        Assert.Equal(first, (await ReadAsync("main")).Sha);

        Repository.OnlyProtocolV0 = true;
        var second = await Repository.CommitAsync(("a.txt", "two"));
        Assert.Equal(second, (await ReadAsync("main")).Sha);

        Repository.OnlyProtocolV0 = false;
        Repository.ForgetRequests();
        Assert.Equal(second, (await ReadAsync("main")).Sha);
        Assert.Equal(1, Repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_repository_made_anew_with_another_hash_is_discovered_anew()
    {
        await Repository.CommitAsync(("a.txt", "one"));
        await ReadAsync("main");
        var other = Host.CreateRepository("other", "sha256");
        var sha = await other.CommitAsync(("a.txt", "one"));
        Directory.Delete(Repository.FolderPath, recursive: true);
        Directory.Move(other.FolderPath, Repository.FolderPath);

        Assert.Equal(sha, (await ReadAsync("main")).Sha);
    }

    [Fact]
    public async Task Credentials_are_sent_and_their_lack_is_said_with_a_remedy()
    {
        var sha = await Repository.CommitAsync(("a.txt", "one"));
        Repository.RequireBasic("ada", "s3cr3t");

        var missing = await FailAsync("main");
        Assert.Equal("auth_failed", missing.Code);
        Assert.Equal($"401 from 127.0.0.1:{Host.Port}", missing.Message);
        Assert.Contains("give a credential", missing.Remedy, StringComparison.Ordinal);

        var wrong = await FailAsync("main", GitServices.Basic("ada", "wr0ng"));
        Assert.Contains("wrong or has expired", wrong.Remedy, StringComparison.Ordinal);
        Assert.DoesNotContain("wr0ng", wrong.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Basic ", wrong.ToString(), StringComparison.Ordinal);

        Assert.Equal(sha, (await ReadAsync("main", GitServices.Basic("ada", "s3cr3t"))).Sha);

        Repository.RequireBearer("t0ken");
        Assert.Equal("auth_failed", (await FailAsync("main", GitServices.Basic("ada", "s3cr3t"))).Code);
        Assert.Equal(sha, (await ReadAsync("main", new GitCredential.Bearer("t0ken"))).Sha);
    }

    [Theory]
    [InlineData(203, null, "auth_failed", null)]
    [InlineData(403, null, "auth_failed", null)]
    [InlineData(404, null, "not_found", null)]
    [InlineData(410, null, "not_found", null)]
    [InlineData(429, "7", "rate_limited", 7)]
    [InlineData(403, "60", "rate_limited", 60)]
    [InlineData(503, "120", "host_error", 120)]
    [InlineData(503, null, "host_error", null)]
    [InlineData(500, null, "host_error", null)]
    [InlineData(502, "nonsense", "host_error", null)]
    [InlineData(400, null, "host_error", null)]
    [InlineData(429, "99999999", "rate_limited", 86400)]
    public async Task A_refusal_is_told_by_a_code_and_the_hosts_wish_to_be_left_alone(int status, string? retryAfter, string code, int? seconds)
    {
        await Repository.CommitAsync(("a.txt", "one"));
        await ReadAsync("main");
        Repository.FailWith = status;
        Repository.RetryAfter = retryAfter;

        var known = await FailAsync("main");
        var anew = await FailAsync("main", GitServices.Basic("another", "credential"));

        Assert.Equal((code, seconds), (known.Code, (int?)known.RetryAfter?.TotalSeconds));
        Assert.Equal((code, seconds), (anew.Code, (int?)anew.RetryAfter?.TotalSeconds));
        Assert.NotEmpty(known.Remedy);
    }

    [Fact]
    public async Task Retry_after_may_be_a_date()
    {
        Repository.FailWith = 503;
        Repository.RetryAfter = TimeProvider.System.GetUtcNow().AddSeconds(100).ToString("R");

        Assert.InRange((await FailAsync("main")).RetryAfter!.Value.TotalSeconds, 50, 101);

        Repository.RetryAfter = "Sun, 06 Nov 1994 08:49:37 GMT";
        Assert.Equal(TimeSpan.Zero, (await FailAsync("main", GitServices.Basic("somebody", "else"))).RetryAfter);
    }

    [Fact]
    public async Task A_redirect_within_the_host_is_followed_once_and_remembered()
    {
        var moved = Host.CreateRepository("moved/to");
        var sha = await moved.CommitAsync(("a.txt", "one"));
        Repository.RedirectTo = moved.Url;

        Assert.Equal(sha, (await ReadAsync("main")).Sha);
        Assert.Equal(sha, (await ReadAsync("main")).Sha);

        Assert.Equal(1, Repository.Count(GitRequestKind.InfoRefs));
        Assert.Equal(2, moved.Count(GitRequestKind.LsRefs));
        await using var commit = await Services.Fetcher.FetchAsync(
            GitServices.Remote(Repository), new Tip(sha, "refs/heads/main"), null, "moved", Cancelled);
        await FetchSpecs.AssertSameAsync(moved, sha, commit);
    }

    [Fact]
    public async Task A_repository_that_moves_within_its_host_later_is_found_again()
    {
        await Repository.CommitAsync(("a.txt", "one"));
        await ReadAsync("main");
        var moved = Host.CreateRepository("moved");
        var sha = await moved.CommitAsync(("a.txt", "two"));
        Repository.RedirectTo = moved.Url;

        Assert.Equal(sha, (await ReadAsync("main")).Sha);
    }

    [Fact]
    public async Task A_redirect_to_another_host_is_not_followed_and_gets_no_credential()
    {
        await using var other = await GitHttpServer.StartAsync();
        var target = other.CreateRepository("target");
        await target.CommitAsync(("a.txt", "one"));
        Repository.RedirectTo = target.Url;

        var error = await FailAsync("main", GitServices.Basic("ada", "s3cr3t"));

        Assert.Equal("moved", error.Code);
        Assert.Contains($"Change the source's URL to {target.Url}.", error.Remedy, StringComparison.Ordinal);
        Assert.Empty(target.Requests);
    }

    [Theory]
    [InlineData("http://ada:s3cr3t@169.254.169.254/x", "moved")]
    [InlineData("https://127.0.0.1/x", "moved")]
    [InlineData("file:///etc/passwd", "moved")]
    [InlineData("//elsewhere.example/x", "moved")]
    [InlineData("javascript:alert(1)", "moved")]
    public async Task No_redirect_leads_out_and_none_is_repeated_with_a_secret(string to, string code)
    {
        Repository.RedirectTo = to;

        var error = await FailAsync("main");

        Assert.Equal(code, error.Code);
        Assert.DoesNotContain("s3cr3t", error + error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_circle_of_redirects_ends()
    {
        Repository.RedirectTo = Repository.Url;

        Assert.Equal("moved", (await FailAsync("main")).Code);
        Assert.Equal(2, Repository.Count(GitRequestKind.InfoRefs));
    }

    [Fact]
    public async Task A_host_that_hangs_is_given_up_at_the_deadline()
    {
        await using var git = new GitServices(limits => limits.TipDeadline = TimeSpan.FromMilliseconds(300));
        Repository.Hangs = true;

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(Repository), "main", 0, Cancelled));

        Assert.Equal("timeout", error.Code);
    }

    [Fact]
    public async Task A_caller_that_gives_up_gets_its_own_cancellation()
    {
        Repository.Hangs = true;
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        impatient.CancelAfter(200);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Services.Tips.ReadAsync(GitServices.Remote(Repository), "main", 0, impatient.Token));
    }

    [Fact]
    public async Task An_address_that_the_policy_denies_is_never_connected_to()
    {
        await Repository.CommitAsync(("a.txt", "one"));
        await using var git = new GitServices(limits => limits.AllowedNetworks = "");

        var literal = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(Repository), "main", 0, Cancelled));
        var named = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(
            GitServices.Remote(Repository.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal)), "main", 0, Cancelled));

        Assert.Equal("address_denied", literal.Code);
        Assert.Equal("address_denied", named.Code);
        Assert.Empty(Repository.Requests);
    }

    [Fact]
    public async Task Nothing_that_listens_is_unreachable()
    {
        var url = Repository.Url;
        await Host.DisposeAsync();
        Host = await GitHttpServer.StartAsync();

        var refused = await Assert.ThrowsAsync<GitException>(() => Services.Tips.ReadAsync(GitServices.Remote(url), "main", 0, Cancelled));
        var unknown = await Assert.ThrowsAsync<GitException>(() => Services.Tips.ReadAsync(GitServices.Remote("http://no-such-host.invalid/x"), "main", 0, Cancelled));

        Assert.Equal("unreachable", refused.Code);
        Assert.Equal("unreachable", unknown.Code);
    }

    private Task<Tip> ReadAsync(string refName, GitCredential? credential = null) =>
        Services.Tips.ReadAsync(GitServices.Remote(Repository, credential), refName, 0, Cancelled);

    private Task<GitException> FailAsync(string refName, GitCredential? credential = null) =>
        Assert.ThrowsAsync<GitException>(() => ReadAsync(refName, credential));
}
