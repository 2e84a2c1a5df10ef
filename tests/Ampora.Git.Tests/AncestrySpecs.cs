using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Whether an update was forced is told from the host's commits, without their trees.</summary>
public sealed class AncestrySpecs : IAsyncLifetime
{
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task Ancestors_are_found_and_others_are_not(bool filters, bool onlyV0)
    {
        await using var git = new GitServices();
        await _repository.RunGitAsync("config", "uploadpack.allowFilter", filters ? "true" : "false");
        var shas = new List<string>();
        for (var i = 0; i < 5; i++)
            shas.Add(await _repository.CommitAsync(("a.txt", $"{i}")));
        var forced = await _repository.CommitAsync([new GitFile("b.txt", "forced"u8.ToArray())], parent: shas[1]);
        _repository.OnlyProtocolV0 = onlyV0;

        Assert.True(await IsAncestorAsync(git, forced, shas[1]));
        Assert.True(await IsAncestorAsync(git, forced, shas[0]));
        Assert.True(await IsAncestorAsync(git, forced, forced));
        Assert.False(await IsAncestorAsync(git, forced, shas[2]));
        Assert.False(await IsAncestorAsync(git, forced, shas[4]));
        Assert.False(await IsAncestorAsync(git, forced, new string('1', 40)));
        Assert.False(await IsAncestorAsync(git, forced, new string('1', 64)));
        Assert.Empty(Directory.GetFileSystemEntries(git.CacheFolder, "*.scratch"));
    }

    [Fact]
    public async Task It_works_while_the_fetched_commit_is_still_in_use()
    {
        await using var git = new GitServices();
        var first = await _repository.CommitAsync(("a.txt", "one"));
        await _repository.CommitAsync(("a.txt", "two"));
        var third = await _repository.CommitAsync(("a.txt", "three"));

        await using var commit = await git.Fetcher.FetchAsync(GitServices.Remote(_repository), new Tip(third, "refs/heads/main"), null, "key", Cancelled);

        Assert.True(await IsAncestorAsync(git, third, first));
    }

    [Fact]
    public async Task A_push_of_many_commits_is_followed_to_the_depth_and_no_further()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        var commits = string.Concat(Enumerable.Range(0, 149).Select(i =>
            $"commit refs/heads/main\ncommitter A <a@b> {1_800_000_000 + i} +0000\ndata 1\nx\n{(i == 0 ? $"from {first}\n" : "")}M 100644 inline a.txt\ndata {i.ToString().Length}\n{i}\n"));
        await _repository.RunGitAsync(System.Text.Encoding.ASCII.GetBytes(commits), "fast-import", "--quiet");
        var tip = (await _repository.TipAsync())!;

        await using (var deep = new GitServices())
            Assert.True(await IsAncestorAsync(deep, tip, first));
        await using (var exact = new GitServices(limits => limits.AncestryDepth = 149))
            Assert.True(await IsAncestorAsync(exact, tip, first));
        await using (var shallow = new GitServices(limits => limits.AncestryDepth = 148))
            Assert.False(await IsAncestorAsync(shallow, tip, first));
    }

    [Fact]
    public async Task What_the_host_answers_is_said()
    {
        await using var git = new GitServices();
        var first = await _repository.CommitAsync(("a.txt", "one"));
        var second = await _repository.CommitAsync(("a.txt", "two"));
        _repository.FailWith = 503;

        Assert.Equal("host_error", (await Assert.ThrowsAsync<GitException>(() => IsAncestorAsync(git, second, first))).Code);
        Assert.Empty(Directory.GetFileSystemEntries(git.CacheFolder, "*.scratch"));
    }

    private Task<bool> IsAncestorAsync(GitServices git, string tip, string known) =>
        git.Fetcher.IsAncestorAsync(GitServices.Remote(_repository), new Tip(tip, "refs/heads/main"), known, "key", Cancelled);
}
