using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Tips and trees from a real SSH host, with keys of every kind.</summary>
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
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("ed25519", null, "RFC4716")]
    [InlineData("ed25519", "correct horse 'battery' $staple", "RFC4716")]
    [InlineData("rsa", null, "RFC4716")]
    [InlineData("rsa", "pässphrase\\", "RFC4716")]
    [InlineData("rsa", null, "PEM")]
    [InlineData("rsa", "five5", "PEM")]
    [InlineData("ecdsa", null, "PKCS8")]
    [InlineData("ecdsa", "p\"q", "RFC4716")]
    public async Task A_key_of_each_kind_reads_the_tip_and_fetches_the_tree(string type, string? passphrase, string format)
    {
        var sha = await _repository.CommitAsync(("dir/a.txt", "one"));
        var key = await _server.CreateKeyAsync(type, passphrase, format: format, cancellationToken: Cancelled);
        var remote = GitServices.Remote(_server, _repository, key);

        var tip = await _git.Tips.ReadAsync(remote, "HEAD", 0, Cancelled);
        await using var commit = await _git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);

        Assert.Equal(new Tip(sha, "refs/heads/main"), tip);
        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }
}
