using System.Text;
using Ampora.Git.Signatures;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Commits that real keys signed, fetched from a real Git host and verified.</summary>
public sealed class SignatureSpecs : IAsyncLifetime
{
    private readonly GitServices _git = new();
    private readonly List<CommitKey> _keys = [];
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository();
        await _repository.CommitAsync(("file", "1"), ("folder/other", "2"));
    }

    public async ValueTask DisposeAsync()
    {
        _keys.ForEach(key => key.Dispose());
        await _git.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("ed25519", "sha1")]
    [InlineData("rsa", "sha1")]
    [InlineData("ecdsa", "sha1")]
    [InlineData("ed25519", "sha256")]
    public async Task A_commit_that_an_allowed_key_signed_names_its_signer(string type, string objectFormat)
    {
        var repository = _server.CreateRepository($"of-{objectFormat}", objectFormat);
        await repository.CommitAsync(("file", "1"));
        var key = await KeyAsync(type);
        var other = await KeyAsync("ed25519");
        var sha = await key.SignTipAsync(repository);
        var allowed = $"# Who may push\n\n{other.AllowedAs("grace@example.org")}{key.AllowedAs("ada@example.org", "namespaces=\"git,file\",valid-after=\"20200101\"")}";
        Assert.Null(AllowedSigners.FindProblem(allowed));

        Assert.Equal(new CommitSigner("ada@example.org", key.Fingerprint), await VerifyAsync(repository, sha, allowed));
        Assert.Empty(Directory.EnumerateFiles(_git.CacheFolder, "ampora-signers*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("ada@example.org,grace@example.org")]
    [InlineData("*@example.org")]
    [InlineData("\"ada@example.org\"")]
    public async Task Principals_may_be_a_list_or_a_pattern(string principals)
    {
        var key = await KeyAsync();
        var sha = await key.SignTipAsync(_repository);
        Assert.Null(AllowedSigners.FindProblem(key.AllowedAs(principals)));

        var signer = await VerifyAsync(_repository, sha, key.AllowedAs(principals).Replace("\n", "\r\n", StringComparison.Ordinal));

        Assert.Contains("@example.org", signer.Principal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_an_allowed_authority_certified_may_sign_and_a_principal_that_it_did_not_certify_may_not()
    {
        var (authority, key) = (await KeyAsync(), await KeyAsync());
        await key.CertifyAsync(authority, "ada@example.org", Cancelled);
        var sha = await key.SignTipAsync(_repository);

        var allowed = authority.AllowedAs("*@example.org", "cert-authority,namespaces=\"git\"");
        Assert.Null(AllowedSigners.FindProblem(allowed));
        Assert.Equal("ada@example.org", (await VerifyAsync(_repository, sha, allowed)).Principal);

        await AssertRefusedAsync(sha, authority.AllowedAs("*@example.com", "cert-authority"), "signer_not_allowed");
        // The authority's key alone is no authority.
        await AssertRefusedAsync(sha, authority.AllowedAs("*@example.org"), "signer_not_allowed");
    }

    [Fact]
    public async Task A_commit_without_a_signature_is_refused_and_told_how_to_get_one()
    {
        var sha = (await _repository.TipAsync())!;

        var error = await AssertRefusedAsync(sha, (await KeyAsync()).AllowedAs("ada@example.org"), "signature_missing");

        Assert.Contains("commit --amend -S", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_not_allowed_or_no_longer_or_not_for_git_or_not_at_that_time_is_refused_by_its_fingerprint()
    {
        var (key, other) = (await KeyAsync(), await KeyAsync());
        var sha = await key.SignTipAsync(_repository);

        var unknown = await AssertRefusedAsync(sha, other.AllowedAs("ada@example.org"), "signer_not_allowed");
        Assert.Contains(key.Fingerprint, unknown.Message, StringComparison.Ordinal);

        // The commit is of 2023.
        var expired = await AssertRefusedAsync(sha, key.AllowedAs("ada@example.org", "valid-before=\"20230101\""), "signer_not_allowed");
        Assert.Contains("expired", expired.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(_git.CacheFolder, expired.Message, StringComparison.Ordinal);
        Assert.Equal("signer_not_allowed", (await AssertRefusedAsync(sha, key.AllowedAs("ada@example.org", "valid-after=\"20240101\""), "signer_not_allowed")).Code);

        var space = await AssertRefusedAsync(sha, key.AllowedAs("ada@example.org", "namespaces=\"file\""), "signer_not_allowed");
        Assert.Contains("namespace", space.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("author Ada", "author Eve")]
    [InlineData("Change file", "Chance file")]
    [InlineData("U1NIU0lH", "U1NIU0lI")]
    [InlineData("-----END SSH SIGNATURE-----", "-----END SSH SIGNATURE----")]
    public async Task A_commit_that_was_changed_after_it_was_signed_is_refused(string from, string to)
    {
        var key = await KeyAsync();
        await key.SignTipAsync(_repository);

        await AssertRefusedAsync(await RewriteAsync(text => text.Replace(from, to, StringComparison.Ordinal)), key.AllowedAs("ada@example.org"), "signature_invalid");
    }

    [Fact]
    public async Task A_signature_of_another_commit_or_another_tree_is_refused()
    {
        var key = await KeyAsync();
        var signed = await key.SignTipAsync(_repository);
        await _repository.CommitAsync(("file", "evil"));
        var tree = (await _repository.RunGitAsync("rev-parse", "refs/heads/main^{tree}")).Trim();
        await _repository.ForcePushAsync(signed);

        var sha = await RewriteAsync(text => $"tree {tree}{text[(5 + tree.Length)..]}");

        await AssertRefusedAsync(sha, key.AllowedAs("ada@example.org"), "signature_invalid");
    }

    [Theory]
    [InlineData("-----BEGIN PGP SIGNATURE-----", "OpenPGP")]
    [InlineData("-----BEGIN SIGNED MESSAGE-----", "X.509")]
    [InlineData("-----BEGIN NOTHING-----", "unknown kind")]
    public async Task A_signature_that_is_none_of_SSH_is_refused_as_that_and_no_program_runs_on_it(string begin, string kind)
    {
        var key = await KeyAsync();
        await key.SignTipAsync(_repository);
        var sha = await RewriteAsync(text => text.Replace("-----BEGIN SSH SIGNATURE-----", begin, StringComparison.Ordinal));

        var error = await AssertRefusedAsync(sha, key.AllowedAs("ada@example.org"), "signature_invalid");

        Assert.Contains(kind, error.Message, StringComparison.Ordinal);
        Assert.Contains("not an SSH signature", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signature_in_the_message_or_for_another_hash_is_none()
    {
        var key = await KeyAsync();
        await key.SignTipAsync(_repository);
        var allowed = key.AllowedAs("ada@example.org");
        var otherHash = await RewriteAsync(text => text.Replace("\ngpgsig ", "\ngpgsig-sha256 ", StringComparison.Ordinal));
        await AssertRefusedAsync(otherHash, allowed, "signature_missing");

        var inMessage = await RewriteAsync(text => text.Replace("\ngpgsig", "\n\ngpgsig", StringComparison.Ordinal));
        await AssertRefusedAsync(inMessage, allowed, "signature_missing");
    }

    [Fact]
    public async Task The_tree_can_be_read_after_a_signature_was_verified()
    {
        var key = await KeyAsync();
        var sha = await key.SignTipAsync(_repository);

        await using var commit = await FetchAsync(_repository, sha);
        await commit.VerifyAsync(key.AllowedAs("ada@example.org"), Cancelled);

        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }

    private async Task<CommitKey> KeyAsync(string type = "ed25519")
    {
        var key = await CommitKey.CreateAsync(type, Cancelled);
        _keys.Add(key);
        return key;
    }

    private async Task<string> RewriteAsync(Func<string, string> rewrite)
    {
        var text = await _repository.RunGitAsync("cat-file", "commit", "refs/heads/main");
        var rewritten = rewrite(text);
        Assert.NotEqual(text, rewritten);
        var sha = (await _repository.RunGitAsync(Encoding.Latin1.GetBytes(rewritten), "hash-object", "-t", "commit", "-w", "--stdin")).Trim();
        await _repository.ForcePushAsync(sha);
        return sha;
    }

    private async Task<GitException> AssertRefusedAsync(string sha, string allowed, string code)
    {
        var error = await Assert.ThrowsAsync<GitException>(() => VerifyAsync(_repository, sha, allowed));
        Assert.True(error.Code == code, $"{error.Code}: {error.Message}");
        return error;
    }

    private async Task<CommitSigner> VerifyAsync(GitRepository repository, string sha, string allowed)
    {
        await using var commit = await FetchAsync(repository, sha);
        return await commit.VerifyAsync(allowed, Cancelled);
    }

    private async Task<FetchedCommit> FetchAsync(GitRepository repository, string sha) =>
        await _git.Fetcher.FetchAsync(GitServices.Remote(repository), new Tip(sha, "refs/heads/main"), null, $"key-{sha.Length}", Cancelled);
}
