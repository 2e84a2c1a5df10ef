using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What a source may follow besides a branch, and what may become of it.</summary>
public sealed class RefKindSpecs : IAsyncLifetime
{
    private readonly GitServices _git = new();
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository();
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Head_is_followed_where_the_default_branch_moves(bool onlyV0)
    {
        _repository.OnlyProtocolV0 = onlyV0;
        var main = await _repository.CommitAsync(("a.txt", "one"));
        var next = await _repository.CommitAsync([new GitFile("a.txt", "two"u8.ToArray())], "next");
        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("HEAD"));

        await _repository.RunGitAsync("symbolic-ref", "HEAD", "refs/heads/next");
        Assert.Equal(new Tip(next, "refs/heads/next"), await ReadAsync("HEAD"));

        await _repository.RunGitAsync("update-ref", "--no-deref", "HEAD", main);
        Assert.Equal(new Tip(main, "HEAD"), await ReadAsync("HEAD"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_head_without_commits_is_told_from_an_empty_repository(bool onlyV0)
    {
        _repository.OnlyProtocolV0 = onlyV0;
        Assert.Equal("empty_repository", (await FailAsync("HEAD")).Code);

        await _repository.CommitAsync([new GitFile("a.txt", "one"u8.ToArray())], "other");
        var error = await FailAsync("HEAD");

        Assert.Equal("ref_not_found", error.Code);
        // Only protocol v2 tells where such a HEAD points.
        Assert.Contains(onlyV0 ? "no HEAD" : "points to refs/heads/main", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_branch_that_is_deleted_is_missing_and_one_that_becomes_a_tag_is_seen_as_one(bool onlyV0)
    {
        _repository.OnlyProtocolV0 = onlyV0;
        await _repository.CommitAsync(("a.txt", "one"));
        var sha = await _repository.CommitAsync([new GitFile("a.txt", "two"u8.ToArray())], "release");
        Assert.Equal("refs/heads/release", (await ReadAsync("release")).RefName);

        await _repository.DeleteRefAsync("refs/heads/release");
        Assert.Equal("ref_not_found", (await FailAsync("release")).Code);

        await _repository.TagAsync("release", sha);
        Assert.Equal(new Tip(sha, "refs/tags/release"), await ReadAsync("release"));
        Assert.Equal("ref_not_found", (await FailAsync("refs/heads/release")).Code);
    }

    [Fact]
    public async Task A_pinned_commit_is_asked_for_by_itself_wherever_it_is_in_the_history()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        await _repository.CommitAsync(("a.txt", "two"));
        await _repository.RunGitAsync("config", "uploadpack.allowAnySHA1InWant", "true");

        var tip = await ReadAsync(first);
        await using var commit = await _git.Fetcher.FetchAsync(GitServices.Remote(_repository), tip, null, "key", Cancelled);

        Assert.Equal(new Tip(first, first), tip);
        Assert.Equal(0, _repository.Count(GitRequestKind.LsRefs));
        await FetchSpecs.AssertSameAsync(_repository, first, commit);
    }

    [Fact]
    public async Task A_commit_that_the_host_has_not_is_missing()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        var unknown = new string('1', 40);

        var error = await FailAsync(unknown);
        Assert.Equal("ref_not_found", error.Code);
        Assert.Contains(unknown, error.Message, StringComparison.Ordinal);

        _repository.OnlyProtocolV0 = true;
        Assert.Equal("ref_not_found", (await FailAsync(unknown)).Code);
    }

    [Fact]
    public async Task Without_protocol_v2_a_commit_is_given_out_at_the_tip_of_a_ref_or_where_the_host_says_so()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        var second = await _repository.CommitAsync(("a.txt", "two"));
        _repository.OnlyProtocolV0 = true;

        Assert.Equal(new Tip(second, second), await ReadAsync(second));
        Assert.Equal("ref_not_found", (await FailAsync(first)).Code);

        await _repository.RunGitAsync("config", "uploadpack.allowReachableSHA1InWant", "true");
        Assert.Equal(new Tip(first, first), await ReadAsync(first));
        await using var commit = await _git.Fetcher.FetchAsync(GitServices.Remote(_repository), new Tip(first, first), null, "key", Cancelled);
        await FetchSpecs.AssertSameAsync(_repository, first, commit);
    }

    [Fact]
    public async Task A_commit_and_a_branch_that_are_read_together_find_both()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        var second = await _repository.CommitAsync(("a.txt", "two"));

        var both = await Task.WhenAll(
            _git.Tips.ReadAsync(GitServices.Remote(_repository), first, 1, Cancelled), _git.Tips.ReadAsync(GitServices.Remote(_repository), "main", 0, Cancelled));

        Assert.Equal([new Tip(first, first), new Tip(second, "refs/heads/main")], both);
    }

    [Theory]
    [InlineData(false, "http-v2")]
    [InlineData(true, "http-v0")]
    public async Task A_probe_tells_how_the_repository_was_read(bool onlyV0, string transport)
    {
        _repository.OnlyProtocolV0 = onlyV0;
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        var old = _server.CreateRepository("old");
        old.RedirectTo = _repository.Url;

        Assert.Equal(new ProbeResult(transport, null, "refs/heads/main", sha), await _git.Probe.RunAsync(GitServices.Remote(_repository), "HEAD", Cancelled));
        Assert.Equal(new ProbeResult(transport, _repository.Url, "refs/heads/main", sha), await _git.Probe.RunAsync(GitServices.Remote(old), "main", Cancelled));
        Assert.Equal(_repository.Url, (await _git.Tips.ReadAsync(GitServices.Remote(old), "main", 0, Cancelled)).MovedTo);
    }

    [Theory]
    [InlineData(301, true)]
    [InlineData(308, true)]
    [InlineData(302, false)]
    [InlineData(307, false)]
    public async Task Only_a_move_for_good_is_shown_as_one(int status, bool isMove)
    {
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        var old = _server.CreateRepository("old");
        (old.RedirectTo, old.RedirectStatus) = (_repository.Url, status);

        Assert.Equal(new Tip(sha, "refs/heads/main", isMove ? _repository.Url : null), await _git.Tips.ReadAsync(GitServices.Remote(old), "main", 0, Cancelled));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(303)]
    [InlineData(304)]
    public async Task Other_redirects_are_not_followed(int status)
    {
        await _repository.CommitAsync(("a.txt", "one"));
        var old = _server.CreateRepository("old");
        (old.RedirectTo, old.RedirectStatus) = (_repository.Url, status);

        var error = await Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(GitServices.Remote(old), "main", 0, Cancelled));

        Assert.Equal("protocol_error", error.Code);
        Assert.Empty(_repository.Requests);
    }

    [Fact]
    public async Task A_request_for_refs_is_never_redirected_only_discovery_is()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        await ReadAsync("main");
        var target = _server.CreateRepository("target");
        var sha = await target.CommitAsync(("a.txt", "two"));
        _repository.RedirectTo = target.Url;

        Assert.Equal(sha, (await ReadAsync("main")).Sha);
        Assert.Equal([GitRequestKind.InfoRefs, GitRequestKind.LsRefs], target.Requests.Select(request => request.Kind));
    }

    private Task<Tip> ReadAsync(string refName) => _git.Tips.ReadAsync(GitServices.Remote(_repository), refName, 0, Cancelled);

    private Task<GitException> FailAsync(string refName) => Assert.ThrowsAsync<GitException>(() => ReadAsync(refName));
}
