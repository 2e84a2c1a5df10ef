using System.Collections.Concurrent;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What Git and others who fetch from strangers were hurt by, one test for each advisory that concerns URLs, arguments and repositories. The SSH host's key has one in <see cref="SshFailureSpecs"/>.</summary>
public sealed class FetchAdvisorySpecs : GitHostSpecs
{
    [Theory]
    [InlineData("ssh://-oProxyCommand=id/x")]
    [InlineData("ssh://-oProxyCommand=id@host.example/x")]
    [InlineData("ssh://git@-oProxyCommand=id/x")]
    [InlineData("-oProxyCommand=id@host.example:x")]
    [InlineData("git@-oProxyCommand=id:x")]
    [InlineData("git@host.example:-oProxyCommand=id")]
    [InlineData("git@[-oProxyCommand=id]:x")]
    [InlineData("https://-oProxyCommand=id/x")]
    public void CVE_2017_1000117_a_host_user_or_path_that_is_an_option_is_refused(string url) => AssertRefused(url);

    [Theory]
    [InlineData("--upload-pack=id")]
    [InlineData("-u./payload")]
    [InlineData("--config=core.sshCommand=id")]
    public async Task CVE_2018_17456_an_option_as_url_ref_or_submodule_is_refused(string option)
    {
        AssertRefused(option);
        Assert.Contains("dash", GitRef.FindProblem(option), StringComparison.Ordinal);
        Assert.Equal("invalid_ref", (await Assert.ThrowsAsync<GitException>(() => Services.Tips.ReadAsync(GitServices.Remote(Repository), option, 0, Cancelled))).Code);

        var sha = await Repository.CommitAsync((".gitmodules", $"[submodule \"x\"]\n\tpath = x\n\turl = {option}\n"));
        Assert.Equal("fetch_failed", (await Assert.ThrowsAsync<GitException>(() => FetchAsync(sha))).Code);
    }

    [Theory]
    [InlineData("https://host.example/%0ahost=evil.example/x")]
    [InlineData("https://host.example%0aevil.example/x")]
    [InlineData("https://host.example/x\nhost=evil.example")]
    [InlineData("ssh://git@host.example/x%0ay")]
    [InlineData("git@host.example:x\ny")]
    public void CVE_2020_5260_a_line_feed_in_a_url_is_refused(string url) => AssertRefused(url);

    [Theory]
    [InlineData("https://host.example/\u001b[31mx")]
    [InlineData("https://host.example/%1b%5b31mx")]
    [InlineData("https://\u001b[2Jhost.example/x")]
    [InlineData("git@host.example:\u001b[31mx")]
    public void CVE_2024_50349_an_escape_sequence_in_a_url_is_refused(string url) => AssertRefused(url);

    [Theory]
    [InlineData("https://host.example/x\rhost=evil.example")]
    [InlineData("https://host.example%0dhost=evil.example/x")]
    [InlineData("https://host.example/x%0Dy")]
    [InlineData("ssh://git@host.example/x%0dy")]
    public void CVE_2024_52006_a_carriage_return_in_a_url_is_refused(string url) => AssertRefused(url);

    [Theory]
    [InlineData("/srv/x")]
    [InlineData("file:///srv/x")]
    [InlineData("FILE:///srv/x")]
    [InlineData("file::/srv/x")]
    [InlineData("../x")]
    [InlineData("ext::sh -c id")]
    [InlineData("fd::17")]
    public void CVE_2023_22490_nothing_of_this_machine_is_cloned(string url) => AssertRefused(url);

    [Fact]
    public async Task CVE_2024_32002_a_submodule_beside_a_link_of_the_same_name_in_another_case_is_data()
    {
        var marker = Path.Combine(Services.CacheFolder, "owned");
        var id = new string('1', 40);
        var sha = await Repository.CommitAsync(
        [
            new GitFile(".gitmodules", Encoding.UTF8.GetBytes($"[submodule \"x/y\"]\n\tpath = A/modules/x\n\turl = {Repository.Url}\n")),
            new GitFile("A/modules/x", Encoding.ASCII.GetBytes(id), "160000"),
            new GitFile("a", ".git"u8.ToArray(), "120000"),
            new GitFile("y/hooks/post-checkout", Encoding.UTF8.GetBytes($"#!/bin/sh\ntouch {marker}\n"), "100755"),
        ]);

        await AssertDataAsync(sha, marker);
    }

    [Fact]
    public async Task CVE_2025_48384_a_submodule_whose_path_ends_in_a_carriage_return_is_data()
    {
        var marker = Path.Combine(Services.CacheFolder, "owned");
        var sha = await Repository.CommitAsync(
        [
            new GitFile(".gitmodules", Encoding.UTF8.GetBytes($"[submodule \"x\"]\n\tpath = \"x\r\"\n\turl = {Repository.Url}\n")),
            new GitFile("x\r", Encoding.ASCII.GetBytes(new string('1', 40)), "160000"),
            new GitFile("x", ".git/modules/x/hooks"u8.ToArray(), "120000"),
            new GitFile("post-checkout", Encoding.UTF8.GetBytes($"#!/bin/sh\ntouch {marker}\n"), "100755"),
        ]);

        await AssertDataAsync(sha, marker);
    }

    [Fact]
    public async Task CVE_2025_48385_a_host_that_offers_bundles_elsewhere_is_not_asked_for_them()
    {
        var pack = new HandmadePack();
        var tree = pack.Add("tree", [.. "100644 a\0"u8, .. Convert.FromHexString(pack.Add("blob", "x"u8.ToArray()))]);
        var commit = pack.Add("commit", Encoding.ASCII.GetBytes($"tree {tree}\nauthor A <a@example.org> 1700000000 +0000\ncommitter A <a@example.org> 1700000000 +0000\n\nx\n"));
        var asked = new ConcurrentQueue<string>();
        var bytes = pack.ToArray();
        var body = HostileHost.Packets("shallow-info", $"shallow {commit}") + "0001" + HostileHost.Packets("packfile") + (bytes.Length + 5).ToString("x4") + "\u0001" + Encoding.Latin1.GetString(bytes) + "0000";
        await using var host = new HostileHost((head, stream, cancellationToken) =>
        {
            asked.Enqueue(head.Split("\r\n")[0]);
            return stream.WriteAsync(
                head.StartsWith("GET", StringComparison.Ordinal)
                    ? HostileHost.Answer("advertisement", HostileHost.Packets("# service=git-upload-pack", "", "version 2", "ls-refs", "fetch=shallow", "bundle-uri", ""))
                    : HostileHost.Answer("result", body),
                cancellationToken).AsTask();
        });

        await using var fetched = await Services.Fetcher.FetchAsync(GitServices.Remote(host.Url), new Tip(commit, "refs/heads/main"), null, "key", Cancelled);

        Assert.Equal("a", Assert.Single(fetched.Entries).Path);
        Assert.Equal(["GET /x.git/info/refs?service=git-upload-pack HTTP/1.1", "POST /x.git/git-upload-pack HTTP/1.1"], asked);
    }

    private static void AssertRefused(string text)
    {
        Assert.NotNull(GitUrl.TryParse(text, out var url));
        Assert.Null(url);
    }

    private async Task AssertDataAsync(string sha, string marker)
    {
        await using var commit = await FetchAsync(sha);

        await FetchSpecs.AssertSameAsync(Repository, sha, commit);
        Assert.False(File.Exists(marker));
        Assert.False(Directory.Exists(Path.Combine(Services.CacheFolder, "key.git", "modules")));
        // Nothing of the repository is ever a path of this machine.
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries(Services.CacheFolder, "*", SearchOption.AllDirectories), path => File.ResolveLinkTarget(path, returnFinalTarget: false) is not null);
    }

    private Task<FetchedCommit> FetchAsync(string sha) =>
        Services.Fetcher.FetchAsync(GitServices.Remote(Repository), new Tip(sha, "refs/heads/main"), null, "key", Cancelled);
}
