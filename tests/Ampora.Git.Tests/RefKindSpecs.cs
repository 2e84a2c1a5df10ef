using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What a source may follow besides a branch, and what may become of it.</summary>
public sealed class RefKindSpecs : GitHostSpecs
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Head_is_followed_where_the_default_branch_moves(bool onlyV0)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        var main = await Repository.CommitAsync(("a.txt", "one"));
        var next = await Repository.CommitAsync([new GitFile("a.txt", "two"u8.ToArray())], "next");
        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("HEAD"));

        await Repository.RunGitAsync("symbolic-ref", "HEAD", "refs/heads/next");
        Assert.Equal(new Tip(next, "refs/heads/next"), await ReadAsync("HEAD"));

        await Repository.RunGitAsync("update-ref", "--no-deref", "HEAD", main);
        Assert.Equal(new Tip(main, "HEAD"), await ReadAsync("HEAD"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_head_without_commits_is_told_from_an_empty_repository(bool onlyV0)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        Assert.Equal("empty_repository", (await FailAsync("HEAD")).Code);

        await Repository.CommitAsync([new GitFile("a.txt", "one"u8.ToArray())], "other");
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
        Repository.OnlyProtocolV0 = onlyV0;
        await Repository.CommitAsync(("a.txt", "one"));
        var sha = await Repository.CommitAsync([new GitFile("a.txt", "two"u8.ToArray())], "release");
        Assert.Equal("refs/heads/release", (await ReadAsync("release")).RefName);

        await Repository.DeleteRefAsync("refs/heads/release");
        Assert.Equal("ref_not_found", (await FailAsync("release")).Code);

        await Repository.TagAsync("release", sha);
        Assert.Equal(new Tip(sha, "refs/tags/release"), await ReadAsync("release"));
        Assert.Equal("ref_not_found", (await FailAsync("refs/heads/release")).Code);
    }

    [Fact]
    public async Task A_pinned_commit_is_asked_for_by_itself_wherever_it_is_in_the_history()
    {
        var first = await Repository.CommitAsync(("a.txt", "one"));
        await Repository.CommitAsync(("a.txt", "two"));
        await Repository.RunGitAsync("config", "uploadpack.allowAnySHA1InWant", "true");

        var tip = await ReadAsync(first);
        await using var commit = await Services.Fetcher.FetchAsync(GitServices.Remote(Repository), tip, null, "key", Cancelled);

        Assert.Equal(new Tip(first, first), tip);
        Assert.Equal(0, Repository.Count(GitRequestKind.LsRefs));
        await FetchSpecs.AssertSameAsync(Repository, first, commit);
    }

    [Fact]
    public async Task A_commit_that_the_host_has_not_is_missing()
    {
        await Repository.CommitAsync(("a.txt", "one"));
        var unknown = new string('1', 40);

        var error = await FailAsync(unknown);
        Assert.Equal("ref_not_found", error.Code);
        Assert.Contains(unknown, error.Message, StringComparison.Ordinal);

        Repository.OnlyProtocolV0 = true;
        Assert.Equal("ref_not_found", (await FailAsync(unknown)).Code);
    }

    [Fact]
    public async Task Without_protocol_v2_a_commit_is_given_out_at_the_tip_of_a_ref_or_where_the_host_says_so()
    {
        var first = await Repository.CommitAsync(("a.txt", "one"));
        var second = await Repository.CommitAsync(("a.txt", "two"));
        Repository.OnlyProtocolV0 = true;

        Assert.Equal(new Tip(second, second), await ReadAsync(second));
        Assert.Equal("ref_not_found", (await FailAsync(first)).Code);

        await Repository.RunGitAsync("config", "uploadpack.allowReachableSHA1InWant", "true");
        Assert.Equal(new Tip(first, first), await ReadAsync(first));
        await using var commit = await Services.Fetcher.FetchAsync(GitServices.Remote(Repository), new Tip(first, first), null, "key", Cancelled);
        await FetchSpecs.AssertSameAsync(Repository, first, commit);
    }

    [Fact]
    public async Task A_commit_and_a_branch_that_are_read_together_find_both()
    {
        var first = await Repository.CommitAsync(("a.txt", "one"));
        var second = await Repository.CommitAsync(("a.txt", "two"));

        var both = await Task.WhenAll(
            Services.Tips.ReadAsync(GitServices.Remote(Repository), first, 1, Cancelled), Services.Tips.ReadAsync(GitServices.Remote(Repository), "main", 0, Cancelled));

        Assert.Equal([new Tip(first, first), new Tip(second, "refs/heads/main")], both);
    }

    [Theory]
    [InlineData(false, "http-v2")]
    [InlineData(true, "http-v0")]
    public async Task A_probe_tells_how_the_repository_was_read(bool onlyV0, string transport)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        var sha = await Repository.CommitAsync(("a.txt", "one"));
        var old = Host.CreateRepository("old");
        old.RedirectTo = Repository.Url;

        Assert.Equal(new ProbeResult(transport, null, "refs/heads/main", sha), await Services.Probe.RunAsync(GitServices.Remote(Repository), "HEAD", Cancelled));
        Assert.Equal(new ProbeResult(transport, Repository.Url, "refs/heads/main", sha), await Services.Probe.RunAsync(GitServices.Remote(old), "main", Cancelled));
        Assert.Equal(Repository.Url, (await Services.Tips.ReadAsync(GitServices.Remote(old), "main", 0, Cancelled)).MovedTo);
    }

    [Theory]
    [InlineData(301, true)]
    [InlineData(308, true)]
    [InlineData(302, false)]
    [InlineData(307, false)]
    public async Task Only_a_move_for_good_is_shown_as_one(int status, bool isMove)
    {
        var sha = await Repository.CommitAsync(("a.txt", "one"));
        var old = Host.CreateRepository("old");
        (old.RedirectTo, old.RedirectStatus) = (Repository.Url, status);

        Assert.Equal(new Tip(sha, "refs/heads/main", isMove ? Repository.Url : null), await Services.Tips.ReadAsync(GitServices.Remote(old), "main", 0, Cancelled));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(303)]
    [InlineData(304)]
    public async Task Other_redirects_are_not_followed(int status)
    {
        await Repository.CommitAsync(("a.txt", "one"));
        var old = Host.CreateRepository("old");
        (old.RedirectTo, old.RedirectStatus) = (Repository.Url, status);

        var error = await Assert.ThrowsAsync<GitException>(() => Services.Tips.ReadAsync(GitServices.Remote(old), "main", 0, Cancelled));

        Assert.Equal("protocol_error", error.Code);
        Assert.Empty(Repository.Requests);
    }

    [Fact]
    public async Task A_request_for_refs_is_never_redirected_only_discovery_is()
    {
        await Repository.CommitAsync(("a.txt", "one"));
        await ReadAsync("main");
        var target = Host.CreateRepository("target");
        var sha = await target.CommitAsync(("a.txt", "two"));
        Repository.RedirectTo = target.Url;

        Assert.Equal(sha, (await ReadAsync("main")).Sha);
        Assert.Equal([GitRequestKind.InfoRefs, GitRequestKind.LsRefs], target.Requests.Select(request => request.Kind));
    }

    private Task<Tip> ReadAsync(string refName) => Services.Tips.ReadAsync(GitServices.Remote(Repository), refName, 0, Cancelled);

    private Task<GitException> FailAsync(string refName) => Assert.ThrowsAsync<GitException>(() => ReadAsync(refName));
}
