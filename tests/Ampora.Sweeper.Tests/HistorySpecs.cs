using System.Text;
using Ampora.Git;
using Ampora.Git.Filtering;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Sweeper.Tests;

/// <summary>Histories replayed commit by commit: what is fetched differs from the commit before in the paths that <c>git diff-tree</c> names.</summary>
public sealed class HistorySpecs : IAsyncLifetime
{
    // A fetch each: what still ends in time on a slow machine.
    private const int MaxCommits = 300;

    private readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("ampora-history-");
    private GitHttpServer _server = null!;
    private ServiceProvider _services = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        var services = new ServiceCollection();
        services.Configure<GitLimits>(limits => limits.AllowedNetworks = "127.0.0.0/8");
        services.AddGit(_cache.FullName);
        _services = services.BuildServiceProvider();
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _server.DisposeAsync();
        _cache.Delete(recursive: true);
    }

    [Fact]
    public async Task This_repositorys_own_history_changes_what_git_says_at_each_of_its_newest_300_commits()
    {
        var repository = _server.CreateRepository("own");
        if (!await TryCopyOwnAsync(repository))
            await GenerateAsync(repository, new Random(1), commits: 12);

        var replayed = await ReplayAsync(repository);

        TestContext.Current.TestOutputHelper?.WriteLine($"{replayed} commits replayed");
        Assert.InRange(replayed, 1, MaxCommits);
    }

    [Theory]
    [InlineData(20261122)]
    [InlineData(4)]
    public async Task A_generated_history_changes_what_git_says_at_each_commit(int seed)
    {
        var repository = _server.CreateRepository("generated");
        await GenerateAsync(repository, new Random(seed), commits: 15);

        Assert.Equal(15, await ReplayAsync(repository));
    }

    private async Task<int> ReplayAsync(GitRepository repository)
    {
        var commits = (await repository.RunGitAsync("rev-list", "--first-parent", $"--max-count={MaxCommits}", "--reverse", "main"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Null(GitUrl.TryParse(repository.Url, out var url));
        var fetcher = _services.GetRequiredService<GitFetcher>();
        IReadOnlyList<ManifestEntry>? before = null;
        string? known = null;
        foreach (var sha in commits)
        {
            await repository.ForcePushAsync(sha);
            await using var commit = await fetcher.FetchAsync(new GitRemote(url!, null), new Tip(sha, "refs/heads/main"), known, "own", Token);
            var after = new FetchedEntries(commit.Entries);
            var changes = TreeChanges.Between(before, after, PathFilter.Everything, Token);
            Assert.True(changes.Truncated || changes.Changes.Count == changes.Counts.Added + changes.Counts.Modified + changes.Counts.Removed);
            Assert.Equal(await GitSaysAsync(repository, known, sha), changes.Changes.Select(c => $"{c.Change} {c.Path}").Order(StringComparer.Ordinal));
            (before, known) = (after, sha);
        }

        return commits.Length;
    }

    private static async Task<IEnumerable<string>> GitSaysAsync(GitRepository repository, string? before, string after)
    {
        // What is compared with nothing is compared with the empty tree.
        before ??= (await repository.RunGitAsync([], "hash-object", "-t", "tree", "--stdin", "-w")).Trim();
        var words = (await repository.RunGitAsync("diff-tree", "-r", "-z", "--name-status", "--no-renames", before, after)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        return words.Chunk(2).Select(pair => $"{pair[0] switch { "A" => "added", "D" => "removed", _ => "modified" }} {TreeChanges.Readable(pair[1])}").Order(StringComparer.Ordinal);
    }

    // The repository that the tests are built in, as much of it as a shallow clone has; false where there is none that git reads.
    private static async Task<bool> TryCopyOwnAsync(GitRepository copy)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !Path.Exists(Path.Combine(folder.FullName, ".git")))
            folder = folder.Parent;
        if (folder is null)
            return false;
        try
        {
            await copy.RunGitAsync("fetch", "--quiet", "--update-shallow", $"--depth={MaxCommits}", new Uri(folder.FullName).AbsoluteUri, "+HEAD:refs/heads/main");
            return await copy.TipAsync() is not null;
        }
        catch (InvalidOperationException)
        {
            // Somebody else's files, or no commit yet.
            return false;
        }
    }

    // Few names, so that files and directories trade places, and every kind of entry and name.
    private static async Task GenerateAsync(GitRepository repository, Random random, int commits)
    {
        string[] names = ["a", "a-b", "a.c", "grüße", "with space", "-u", "名前"];
        var files = new Dictionary<string, GitFile>(StringComparer.Ordinal);
        for (var i = 0; i < commits; i++)
        {
            var changes = new List<GitFile>();
            for (var n = random.Next(1, 8); n > 0; n--)
            {
                var path = string.Join('/', Enumerable.Range(0, random.Next(1, 4)).Select(_ => names[random.Next(names.Length)]));
                foreach (var inTheWay in files.Keys.Where(k => k.StartsWith(path + "/", StringComparison.Ordinal) || path.StartsWith(k + "/", StringComparison.Ordinal)).ToList())
                {
                    files.Remove(inTheWay);
                    changes.Add(new GitFile(inTheWay, null));
                }

                if (files.Count > 4 && random.Next(4) == 0)
                {
                    var gone = files.Keys.ElementAt(random.Next(files.Count));
                    files.Remove(gone);
                    changes.Add(new GitFile(gone, null));
                    continue;
                }

                var mode = ((string[])["100644", "100644", "100755", "120000", "160000"])[random.Next(5)];
                var content = mode == "160000" ? new string((char)('1' + random.Next(9)), 40) : $"content {random.Next(4)}";
                changes.Add(files[path] = new GitFile(path, Encoding.ASCII.GetBytes(content), mode));
            }

            await repository.CommitAsync(changes);
        }
    }
}
