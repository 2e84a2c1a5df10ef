using System.Security.Cryptography;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Trees that were made to harm: read as the data that they are, or refused by a rule that has a name.</summary>
public sealed class HostileTreeSpecs : IAsyncLifetime
{
    private GitServices _git = new();
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
    [InlineData("100644", ".git")]
    [InlineData("100644", ".GIT")]
    [InlineData("100644", "git~1")]
    [InlineData("100644", ".g\u00e2\u0080\u008cit")]
    [InlineData("100644", "..")]
    [InlineData("100644", ".")]
    [InlineData("100644", "a/b")]
    [InlineData("100644", "/etc/passwd")]
    [InlineData("100644", "../x")]
    [InlineData("100644", ".git/config")]
    [InlineData("40000", ".git")]
    [InlineData("40000", ".GIT")]
    [InlineData("160000", ".git")]
    [InlineData("120000", "GIT~1")]
    [InlineData("120000", ".gitmodules")]
    public async Task Names_that_git_calls_dangerous_are_refused_by_name(string mode, string name)
    {
        var id = mode switch
        {
            "40000" => await TreeAsync([("100644", "config", await BlobAsync("x"))]),
            "160000" => new string('7', 40),
            _ => await BlobAsync("x"),
        };
        var sha = await CommitTreeAsync([(mode, name, id)]);

        var error = await FailAsync(sha);

        Assert.Equal("fetch_failed", error.Code);
        Assert.Contains("Git refuses the repository's content", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("relay", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Two_entries_of_one_name_are_refused()
    {
        var sha = await CommitTreeAsync([("100644", "a", await BlobAsync("x")), ("100644", "a", await BlobAsync("y"))]);

        Assert.Equal("fetch_failed", (await FailAsync(sha)).Code);
    }

    [Fact]
    public async Task A_symbolic_link_and_a_directory_of_its_name_are_refused()
    {
        var below = await TreeAsync([("100644", "passwd", await BlobAsync("root::0:0"))]);
        var sha = await CommitTreeAsync([("120000", "a", await BlobAsync("/etc")), ("40000", "a", below)]);

        Assert.Equal("fetch_failed", (await FailAsync(sha)).Code);
    }

    [Theory]
    [InlineData("100644 a\0b\0{0}")]
    [InlineData("100644 \0{0}")]
    [InlineData("100644 a{0}")]
    [InlineData("100644a\0{0}")]
    [InlineData("100644 a\0{0}100644 b\0short")]
    public async Task A_directory_that_is_none_is_refused(string form)
    {
        var id = Encoding.Latin1.GetString(Convert.FromHexString(await BlobAsync("x")));
        var tree = await ObjectAsync("tree", Encoding.Latin1.GetBytes(form.Replace("{0}", id, StringComparison.Ordinal)));

        Assert.Equal("fetch_failed", (await FailAsync(await CommitAsync(tree))).Code);
    }

    [Fact]
    public async Task Submodules_of_any_name_and_path_are_data_and_nothing_of_them_is_fetched()
    {
        // The carriage return is what made git clone into another folder than it had checked (CVE-2025-48384).
        var modules = await BlobAsync("[submodule \"m\"]\n\tpath = \"sub\\r\"\n\turl = https://127.0.0.1:1/m.git\n");
        var commit = new string('7', 40);
        (string Mode, string Name, string Id)[] entries = [("160000", "-u", commit), ("100644", ".gitmodules", modules), ("160000", "sub\r", commit), ("160000", "with space", commit)];
        var sha = await CommitTreeAsync(entries);

        await using var fetched = await FetchAsync(sha);

        Assert.Equal(entries.Select(entry => (entry.Mode, entry.Name, entry.Id)), fetched.Entries.Select(entry => (entry.Mode, entry.Path, entry.ObjectId)));
        Assert.All(fetched.Entries.Where(entry => entry.Mode == "160000"), entry => Assert.Null(entry.Size));
    }

    [Fact]
    public async Task Ten_thousand_directories_in_each_other_end_in_the_limit_of_that_name()
    {
        var sha = await _repository.CommitAsync((string.Join('/', Enumerable.Repeat("d", 10_000)) + "/file", "x"));

        var error = await FailAsync(sha);

        Assert.Equal("limit_exceeded", error.Code);
        Assert.Contains("TreeDepth", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_few_objects_that_make_many_long_paths_end_in_the_limit_of_that_name()
    {
        _git = new GitServices(limits => limits.TreePathBytes = 1_000_000);
        var blob = await BlobAsync("x");
        var id = await TreeAsync([.. Enumerable.Range(0, 1000).Select(i => ("100644", $"f{i:d4}", blob))]);
        for (var i = 0; i < 20; i++)
            id = await TreeAsync([("40000", new string('d', 200), id)]);

        var error = await FailAsync(await CommitAsync(id));

        Assert.Equal("limit_exceeded", error.Code);
        Assert.Contains("TreePathBytes", error.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[submodule \"x\"]\n\tpath = x\n\turl = -uexec\n")]
    [InlineData("[submodule \"../../x\"]\n\tpath = x\n\turl = https://host.example/x\n")]
    public async Task A_submodule_whose_url_or_name_is_an_attack_is_refused(string modules)
    {
        var sha = await CommitTreeAsync([("100644", ".gitmodules", await BlobAsync(modules))]);

        Assert.Equal("fetch_failed", (await FailAsync(sha)).Code);
    }

    [Fact]
    public async Task Names_that_only_some_file_systems_confuse_are_kept_verbatim()
    {
        var blob = await BlobAsync("x");
        var link = await BlobAsync("/etc");
        var below = await TreeAsync([("100644", "passwd", blob)]);
        (string Mode, string Name, string Id)[] entries =
        [
            ("100644", "\r", blob),
            ("100644", "\u001b[31m", blob),
            ("100644", "-u", blob),
            ("100644", "A", blob),
            ("100644", "C:\\x", blob),
            ("100644", "CON", blob),
            ("120000", "a", link),
            ("40000", "a2", below),
            ("100644", "cafe\u00cc\u0081", blob),
            ("100644", "caf\u00c3\u00a9", blob),
            ("100644", "\u00ff\u00fe", blob),
        ];
        var sha = await CommitTreeAsync(entries);

        await using var commit = await FetchAsync(sha);

        Assert.Equal(
            entries.Select(entry => (entry.Mode, Path: entry.Name, entry.Id)).Append(("100644", Path: "a2/passwd", blob)).OrderBy(entry => entry.Path, StringComparer.Ordinal),
            commit.Entries.Select(entry => (entry.Mode, entry.Path, entry.ObjectId)));
    }

    [Fact]
    public async Task Modes_of_old_repositories_are_kept_as_they_are()
    {
        var blob = await BlobAsync("x");
        var below = await TreeAsync([("100664", "old", blob)]);
        var sha = await CommitTreeAsync([("040000", "dir", below), ("100755", "run", blob)]);

        await using var commit = await FetchAsync(sha);

        Assert.Equal([("040000", "dir"), ("100664", "dir/old"), ("100755", "run")], commit.Entries.Select(entry => (entry.Mode, entry.Path)));
    }

    [Fact]
    public async Task A_commit_with_old_fashioned_faults_is_read()
    {
        var tree = await TreeAsync([("100644", "a", await BlobAsync("x"))]);
        var text = $"tree {tree}\nauthor Jos\u00e9 <> 1 +051800\ncommitter nobody <no mail> 99999999999999999 -7\nencoding ISO-8859-1\n\n\u00a1Ol\u00e9!\u001b[31m\r\nbody";
        var sha = await ObjectAsync("commit", Encoding.Latin1.GetBytes(text));
        await _repository.RunGitAsync("update-ref", "refs/heads/main", sha);

        await using var commit = await FetchAsync(sha);

        Assert.Equal("José <>", commit.Author);
        Assert.Equal("¡Olé! [31m", commit.Subject);
    }

    [Fact]
    public async Task A_few_directories_that_unfold_into_millions_are_cut_at_the_limit()
    {
        _git = new GitServices(limits => limits.TreeEntries = 50_000);
        var id = await TreeAsync([("100644", "f", await BlobAsync("x"))]);
        for (var i = 0; i < 10; i++)
            id = await TreeAsync([.. Enumerable.Range(0, 10).Select(n => ("40000", $"d{n}", id))]);

        var error = await FailAsync(await CommitAsync(id));

        Assert.Equal("limit_exceeded", error.Code);
        Assert.Contains("TreeEntries", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Depth_path_and_file_have_their_limits()
    {
        _git = new GitServices(limits =>
        {
            limits.TreeDepth = 20;
            limits.PathBytes = 100;
            limits.FileBytes = 100_000;
        });
        var id = await TreeAsync([("100644", "f", await BlobAsync("x"))]);
        for (var i = 0; i < 30; i++)
            id = await TreeAsync([("40000", "d", id)]);
        Assert.Contains("TreeDepth", (await FailAsync(await CommitAsync(id))).Remedy, StringComparison.Ordinal);

        var longName = await CommitTreeAsync([("100644", new string('n', 101), await BlobAsync("x"))]);
        Assert.Contains("PathBytes", (await FailAsync(longName)).Remedy, StringComparison.Ordinal);

        var large = await CommitTreeAsync([("100644", "f", await ObjectAsync("blob", RandomNumberGenerator.GetBytes(100_001)))]);
        Assert.Contains("FileBytes", (await FailAsync(large)).Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_small_pack_that_holds_one_huge_file_ends_in_an_error_of_that_name()
    {
        _git = new GitServices(limits => limits.FileBytes = 1_000_000);
        var sha = await CommitTreeAsync([("100644", "zeros", await ObjectAsync("blob", new byte[300 * 1024 * 1024]))]);

        Assert.Equal("limit_exceeded", (await FailAsync(sha)).Code);
    }

    [Fact]
    public async Task Hooks_attributes_filters_and_configuration_of_the_repository_do_nothing()
    {
        var marker = Path.Combine(_git.CacheFolder, "owned");
        await _repository.RunGitAsync("config", "filter.x.smudge", $"touch {marker}");
        var sha = await _repository.CommitAsync(
            (".gitattributes", "* filter=x export-subst\n"), ("hooks/post-checkout", $"#!/bin/sh\ntouch {marker}\n"), ("config", $"[core]\n\tfsmonitor = touch {marker}\n"), ("x", "$Format:%H$"));

        await using var commit = await FetchAsync(sha);

        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
        Assert.False(File.Exists(marker));
    }

    private async Task<FetchedCommit> FetchAsync(string sha) =>
        await _git.Fetcher.FetchAsync(GitServices.Remote(_repository), new Tip(sha, "refs/heads/main"), null, "key", Cancelled);

    private Task<GitException> FailAsync(string sha) => Assert.ThrowsAsync<GitException>(() => FetchAsync(sha));

    private Task<string> BlobAsync(string content) => ObjectAsync("blob", Encoding.UTF8.GetBytes(content));

    private async Task<string> CommitTreeAsync((string Mode, string Name, string Id)[] entries) => await CommitAsync(await TreeAsync(entries));

    private async Task<string> CommitAsync(string tree)
    {
        var sha = (await _repository.RunGitAsync("commit-tree", "-m", "hostile", tree)).Trim();
        await _repository.RunGitAsync("update-ref", "refs/heads/main", sha);
        return sha;
    }

    private async Task<string> TreeAsync((string Mode, string Name, string Id)[] entries)
    {
        using var tree = new MemoryStream();
        foreach (var (mode, name, id) in entries)
        {
            tree.Write(Encoding.Latin1.GetBytes($"{mode} {name}\0"));
            tree.Write(Convert.FromHexString(id));
        }

        return await ObjectAsync("tree", tree.ToArray());
    }

    private async Task<string> ObjectAsync(string type, byte[] content) =>
        (await _repository.RunGitAsync(content, "hash-object", "-t", type, "-w", "--literally", "--stdin")).Trim();
}
