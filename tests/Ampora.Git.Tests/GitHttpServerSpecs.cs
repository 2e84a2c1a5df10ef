using System.Net;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>The Git host that other tests rely on: a real git client agrees with what it says of itself.</summary>
public sealed class GitHttpServerSpecs : IAsyncLifetime
{
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository("acme/fleet");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_real_git_sees_the_commit_and_its_requests_are_counted()
    {
        var sha = await _repository.CommitAsync(("a.txt", "one"), ("dir/b.txt", "two"));

        Assert.StartsWith(sha, await LsRemoteAsync(), StringComparison.Ordinal);
        Assert.Equal(1, _repository.Count(GitRequestKind.InfoRefs));
        Assert.Equal(1, _repository.Count(GitRequestKind.LsRefs));

        var clone = Directory.CreateTempSubdirectory("ampora-clone-").FullName;
        try
        {
            await GitProgram.RunAsync(null, ["clone", "--quiet", _repository.Url, clone], null, TestContext.Current.CancellationToken);
            Assert.Equal("two", await File.ReadAllTextAsync(Path.Combine(clone, "dir/b.txt"), TestContext.Current.CancellationToken));
            Assert.Equal(1, _repository.Count(GitRequestKind.Fetch));
        }
        finally
        {
            Directory.Delete(clone, recursive: true);
        }
    }

    [Fact]
    public async Task Commits_build_on_each_other_and_a_branch_can_be_forced_back()
    {
        var first = await _repository.CommitAsync(("a.txt", "one"));
        var second = await _repository.CommitAsync(("a.txt", "two"), ("b.txt", "new"));
        var third = await _repository.CommitAsync(("a.txt", null));

        Assert.Equal([third, second, first], (await _repository.RunGitAsync("rev-list", "main")).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("b.txt\n", await _repository.RunGitAsync("ls-tree", "--name-only", "main"));

        await _repository.ForcePushAsync(first);
        Assert.Equal(first, await _repository.TipAsync());
        await _repository.DeleteRefAsync("refs/heads/main");
        Assert.Null(await _repository.TipAsync());
    }

    [Fact]
    public async Task Without_protocol_v2_the_refs_come_with_discovery()
    {
        _repository.OnlyProtocolV0 = true;
        var sha = await _repository.CommitAsync(("a.txt", "one"));

        Assert.StartsWith(sha, await LsRemoteAsync(), StringComparison.Ordinal);
        Assert.Equal(1, _repository.Count(GitRequestKind.InfoRefs));
        Assert.Equal(0, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task It_asks_for_credentials_fails_redirects_and_holds_as_told()
    {
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        var infoRefs = new Uri(_repository.Url + "/info/refs?service=git-upload-pack");

        _repository.RequireBasic("ada", "secret");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync());
        client.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("ada:secret"u8));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());

        _repository.FailWith = 503;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync());
        _repository.FailWith = null;

        _repository.RedirectTo = "http://elsewhere.example/x.git";
        Assert.Equal(HttpStatusCode.MovedPermanently, await StatusAsync());
        _repository.RedirectTo = null;

        using var gate = _repository.Hold(GitRequestKind.InfoRefs);
        var held = StatusAsync();
        await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.False(held.IsCompleted);
        gate.Open();
        Assert.Equal(HttpStatusCode.OK, await held);

        async Task<HttpStatusCode> StatusAsync()
        {
            using var response = await client.GetAsync(infoRefs, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
    }

    private Task<string> LsRemoteAsync() =>
        GitProgram.RunAsync(null, ["ls-remote", _repository.Url, "refs/heads/main"], null, TestContext.Current.CancellationToken);
}
