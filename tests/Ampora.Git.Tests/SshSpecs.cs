using System.Text;
using Ampora.Git.Credentials;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Tips and trees from a real SSH host.</summary>
public sealed class SshSpecs : IAsyncLifetime
{
    private readonly GitServices _git = new();
    private SshGitServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await SshGitServer.StartAsync(cancellationToken: Cancelled);
        _repository = _server.CreateRepository("acme/fleet");
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("ed25519", null, "RFC4716")]
    [InlineData("ed25519", "correct horse 'battery' $staple", "RFC4716")]
    [InlineData("rsa", null, "PEM")]
    [InlineData("rsa", "pässphrase\\", "PEM")]
    [InlineData("ecdsa", null, "PKCS8")]
    [InlineData("ecdsa", "five\"5 ", "RFC4716")]
    public async Task A_key_of_each_kind_reads_the_tip_and_fetches_the_tree(string type, string? passphrase, string format)
    {
        var sha = await _repository.CommitAsync(("dir/a.txt", "one"));
        var remote = GitServices.Remote(_server, _repository, await _server.CreateKeyAsync(type, passphrase, format: format, cancellationToken: Cancelled));

        var tip = await _git.Tips.ReadAsync(remote, "HEAD", 0, Cancelled);
        await using var commit = await _git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);

        Assert.Equal(new Tip(sha, "refs/heads/main"), tip);
        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }

    [Theory]
    [InlineData(false, "sha1")]
    [InlineData(true, "sha256")]
    public async Task Every_kind_of_ref_and_its_tree_with_and_without_version_2(bool acceptsVersion2, string objectFormat)
    {
        await using var server = await SshGitServer.StartAsync(acceptsVersion2, Cancelled);
        var repository = server.CreateRepository("fleet", objectFormat);
        var remote = GitServices.Remote(server, repository, await server.CreateKeyAsync(cancellationToken: Cancelled));
        Assert.Equal("empty_repository", (await FailAsync(remote, "main")).Code);
        var one = await repository.CommitAsync(("a.txt", "one"));
        await repository.TagAsync("v1.2.3", one);
        var two = await repository.CommitAsync(("a.txt", "two"), ("dir/b.txt", "b"));
        (string Ref, Tip Tip)[] expected =
        [
            ("HEAD", new(two, "refs/heads/main")),
            ("main", new(two, "refs/heads/main")),
            ("refs/tags/v1.2.3", new(one, "refs/tags/v1.2.3")),
            ("tags/v1.*", new(one, "refs/tags/v1.2.3")),
            (two, new(two, two)),
        ];

        foreach (var (refName, tip) in expected)
        {
            Assert.Equal(tip, await _git.Tips.ReadAsync(remote, refName, 0, Cancelled));
            await using var commit = await _git.Fetcher.FetchAsync(remote, tip, null, $"key-{objectFormat}-{acceptsVersion2}", Cancelled);
            await FetchSpecs.AssertSameAsync(repository, tip.Sha, commit);
        }

        Assert.Equal("ref_not_found", (await FailAsync(remote, "missing")).Code);
        Assert.Equal("ref_not_found", (await FailAsync(remote, new string('1', two.Length))).Code);
        Assert.Equal($"ssh-v{(acceptsVersion2 ? 2 : 0)}", (await _git.Probe.RunAsync(remote, "main", Cancelled)).Transport);
        Assert.True(await _git.Fetcher.IsAncestorAsync(remote, new Tip(two, "refs/heads/main"), one, "key", Cancelled));
        Assert.Equal(
            "tip_moved",
            (await Assert.ThrowsAsync<GitException>(() => _git.Fetcher.FetchAsync(remote, new Tip(new string('1', two.Length), "refs/heads/gone"), null, "gone", Cancelled))).Code);
    }

    [Fact]
    public async Task A_path_reaches_the_host_as_it_was_given_whatever_a_shell_makes_of_it()
    {
        const string name = "it's/$(touch owned) `x`; größe & !x \"y\"";
        var repository = _server.CreateRepository(name);
        var sha = await repository.CommitAsync(("a.txt", "one"));
        var key = await _server.CreateKeyAsync(cancellationToken: Cancelled);
        var url = $"{_server.BaseUrl}/{Uri.EscapeDataString(name).Replace("%2F", "/", StringComparison.Ordinal)}.git";
        var remote = GitServices.Remote(url, new GitCredential.Ssh(key.PrivateKey, null, _server.KnownHosts));

        await using var commit = await _git.Fetcher.FetchAsync(remote, await _git.Tips.ReadAsync(remote, "main", 0, Cancelled), null, "key", Cancelled);

        await FetchSpecs.AssertSameAsync(repository, sha, commit);
    }

    [Fact]
    public async Task The_short_form_of_an_address_goes_through_a_proxy_to_port_22_of_a_name_that_only_the_proxy_knows()
    {
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        var key = await _server.CreateKeyAsync(cancellationToken: Cancelled);
        await using var proxy = new SshProxy(_server.Port);
        await using var git = new GitServices(limits => limits.Proxy = $"http://ada:s3cr3t@127.0.0.1:{proxy.Port}");
        var remote = GitServices.Remote(
            $"{SshGitServer.User}@git.nowhere.invalid:acme/fleet.git", new GitCredential.Ssh(key.PrivateKey, null, _server.KnownAs("git.nowhere.invalid")));

        await using var commit = await git.Fetcher.FetchAsync(remote, await git.Tips.ReadAsync(remote, "main", 0, Cancelled), null, "key", Cancelled);

        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
        Assert.Equal(["git-upload-pack 'acme/fleet.git'"], _server.Commands.Distinct());
        Assert.All(proxy.Asked, head => Assert.StartsWith("CONNECT git.nowhere.invalid:22 ", head, StringComparison.Ordinal));
        Assert.All(proxy.Asked, head => Assert.Contains(Convert.ToBase64String(Encoding.UTF8.GetBytes("ada:s3cr3t")), head, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Checks_of_many_repositories_at_once_each_get_their_own()
    {
        var key = await _server.CreateKeyAsync(cancellationToken: Cancelled);
        await Parallel.ForEachAsync(Enumerable.Range(0, 10), Cancelled, async (i, cancellationToken) =>
        {
            var repository = _server.CreateRepository($"many/{i}");
            var sha = await repository.CommitAsync(($"{i}.txt", $"content {i}"));
            var remote = GitServices.Remote(_server, repository, key);
            var tip = await _git.Tips.ReadAsync(remote, "main", 0, cancellationToken);
            await using var commit = await _git.Fetcher.FetchAsync(remote, tip, null, $"many-{i}", cancellationToken);
            Assert.Equal((sha, $"{i}.txt"), (tip.Sha, Assert.Single(commit.Entries).Path));
        });
    }

    private Task<GitException> FailAsync(GitRemote remote, string refName) =>
        Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(remote, refName, 0, Cancelled));
}
