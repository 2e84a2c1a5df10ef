using Ampora.TestServers;

namespace Ampora.Git.Tests.Transports;

/// <summary>What a check relies on, the same over each transport.</summary>
public abstract class TransportSpecs(Transport transport) : IAsyncLifetime
{
    private readonly GitServices _git = new();
    private GitRepository _repository = null!;
    private GitRemote _remote = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await transport.StartAsync(Cancelled);
        _repository = transport.CreateRepository("acme/fleet");
        _remote = transport.RemoteOf(_repository);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _git.DisposeAsync();
        await transport.DisposeAsync();
    }

    [Fact]
    public async Task A_tip_is_found_by_branch_tag_and_default_branch()
    {
        var main = await _repository.CommitAsync(("a.txt", "one"));
        var other = await _repository.CommitAsync([new GitFile("b.txt", "two"u8.ToArray())], "feature/größe");
        await _repository.TagAsync("v1.0", other);
        await _repository.RunGitAsync("tag", "light", main);

        Assert.Equal(main, (await ReadAsync("main")).Sha);
        Assert.Equal(main, (await ReadAsync("refs/heads/main")).Sha);
        Assert.Equal(new Tip(main, "refs/heads/main"), await ReadAsync("HEAD"));
        Assert.Equal(new Tip(other, "refs/heads/feature/größe"), await ReadAsync("feature/größe"));
        Assert.Equal(new Tip(main, "refs/tags/light"), await ReadAsync("light"));
        // An annotated tag is an object of its own; its tip is the commit.
        Assert.Equal(new Tip(other, "refs/tags/v1.0"), await ReadAsync("refs/tags/v1.0"));
    }

    [Fact]
    public async Task It_is_read_the_way_that_this_suite_is_about()
    {
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        for (var i = 0; i < 2; i++)
            Assert.Equal(new ProbeResult(transport.Name, null, "refs/heads/main", sha), await _git.Probe.RunAsync(_remote, "main", Cancelled));
    }

    [Fact]
    public async Task A_pattern_of_tags_follows_the_highest_version()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        var second = await _repository.CommitAsync(("a.txt", "two"));
        await _repository.TagAsync("v1.9.0", second);
        await _repository.RunGitAsync("tag", "v2.0.0", first);
        await _repository.RunGitAsync("tag", "v1.99.0-rc.1", first);
        Assert.Equal(new Tip(second, "refs/tags/v1.9.0"), await ReadAsync("tags/v1.*"));
        await _repository.TagAsync("v1.10.0", first);
        Assert.Equal(new Tip(first, "refs/tags/v1.10.0"), await ReadAsync("tags/v1.*"));
        Assert.Equal("ref_not_found", await FailAsync("tags/v3.*"));
    }

    [Fact]
    public async Task A_pinned_commit_stays_what_it_is_and_one_that_the_host_does_not_have_is_not_found()
    {
        // As the large hosts have it; left to itself, git with v0 gives out tips alone.
        await _repository.RunGitAsync("config", "uploadpack.allowReachableSHA1InWant", "true");
        var pinned = await _repository.CommitAsync(("a.txt", "one"));
        await _repository.CommitAsync(("a.txt", "two"));
        var tip = await ReadAsync(pinned);
        Assert.Equal(pinned, tip.Sha);
        await using (var commit = await _git.Fetcher.FetchAsync(_remote, tip, null, "key", Cancelled))
            await FetchSpecs.AssertSameAsync(_repository, pinned, commit);
        // A host with v0 cannot be asked for a commit alone: there the fetch finds out.
        var missing = new string('1', 40);
        var error = await Assert.ThrowsAsync<GitException>(async () => await _git.Fetcher.FetchAsync(_remote, await ReadAsync(missing), null, "key", Cancelled));
        Assert.Equal("ref_not_found", error.Code);
    }

    [Fact]
    public async Task A_default_branch_that_moves_is_followed()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        Assert.Equal("refs/heads/main", (await ReadAsync("HEAD")).RefName);
        var trunk = await _repository.CommitAsync([new GitFile("a.txt", "two"u8.ToArray())], "trunk");
        await _repository.RunGitAsync("symbolic-ref", "HEAD", "refs/heads/trunk");

        Assert.Equal(new Tip(trunk, "refs/heads/trunk"), await ReadAsync("HEAD"));
    }

    [Fact]
    public async Task A_changed_tip_is_seen_at_once_forward_back_and_gone()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        Assert.Equal(first, (await ReadAsync("main")).Sha);
        var second = await _repository.CommitAsync(("a.txt", "two"));
        Assert.Equal(second, (await ReadAsync("main")).Sha);
        await _repository.ForcePushAsync(first);
        Assert.Equal(first, (await ReadAsync("main")).Sha);

        await _repository.CommitAsync([new GitFile("b.txt", "two"u8.ToArray())], "other");
        await _repository.DeleteRefAsync("refs/heads/main");
        Assert.Equal("ref_not_found", await FailAsync("main"));
    }

    [Fact]
    public async Task What_is_not_there_is_told_apart()
    {
        Assert.Equal("empty_repository", await FailAsync("main"));
        Assert.Equal("empty_repository", await FailAsync("HEAD"));
        await _repository.CommitAsync(("a.txt", "one"));
        Assert.Equal("ref_not_found", await FailAsync("missing"));
        Assert.Equal("ref_not_found", await FailAsync("mai"));
        _remote = transport.Missing();
        Assert.Equal("not_found", await FailAsync("main"));
    }

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Each_push_is_fetched_whole_the_forced_ones_too(string objectFormat)
    {
        _repository = transport.CreateRepository("pushed", objectFormat);
        _remote = transport.RemoteOf(_repository);
        var first = await _repository.CommitAsync(("a.txt", "one"), ("dir/b.txt", "two"));
        await FetchesAsync(first, "a.txt", "dir", "dir/b.txt");
        var second = await _repository.CommitAsync(("dir/c.txt", "three"), ("a.txt", null));
        await FetchesAsync(second, "dir", "dir/b.txt", "dir/c.txt");
        var third = await _repository.CommitAsync([new GitFile("d.txt", "four"u8.ToArray())], parent: first);
        await FetchesAsync(third, "a.txt", "d.txt", "dir", "dir/b.txt");
        await _repository.ForcePushAsync(second);
        await FetchesAsync(second, "dir", "dir/b.txt", "dir/c.txt");

        Assert.True(await IsAncestorAsync(second, first));
        Assert.False(await IsAncestorAsync(second, third));
    }

    private async Task FetchesAsync(string sha, params string[] paths)
    {
        var tip = await ReadAsync("main");
        Assert.Equal(sha, tip.Sha);
        await using var commit = await _git.Fetcher.FetchAsync(_remote, tip, null, "key", Cancelled);
        Assert.Equal(paths, commit.Entries.Select(entry => entry.Path));
        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }

    private Task<bool> IsAncestorAsync(string tip, string known) =>
        _git.Fetcher.IsAncestorAsync(_remote, new Tip(tip, "refs/heads/main"), known, "key", Cancelled);

    private Task<Tip> ReadAsync(string refName) => _git.Tips.ReadAsync(_remote, refName, 0, Cancelled);

    private async Task<string> FailAsync(string refName) => (await Assert.ThrowsAsync<GitException>(() => ReadAsync(refName))).Code;
}
