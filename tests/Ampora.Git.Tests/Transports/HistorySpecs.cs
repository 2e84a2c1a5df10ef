using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests.Transports;

/// <summary>Whatever a history holds, each of its commits is fetched as Git itself has it, byte for byte.</summary>
public abstract class HistorySpecs(Transport transport) : IAsyncLifetime
{
    private readonly GitServices _git = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await transport.StartAsync(Cancelled);

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _git.DisposeAsync();
        await transport.DisposeAsync();
    }

    [Fact]
    public Task A_history_from_a_seed_of_its_own_each_time_agrees_with_git()
    {
        // The seed is in the message of a failure, and goes in the list below to be looked into.
        var seed = Random.Shared.Next();
        return AgreesAsync(seed, history => history.Commits(16));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public Task A_random_history_agrees_with_git_at_every_commit(int seed) => AgreesAsync(seed, history => history.Commits(16));

    [Fact]
    public Task A_history_of_ten_thousand_files_agrees_with_git_at_every_commit() =>
        AgreesAsync(seed: 4, history => history.Commits(1).ManyFiles(10_000).Commits(2));

    private async Task AgreesAsync(int seed, Action<RandomHistory> fill)
    {
        var history = new RandomHistory(seed);
        fill(history);
        var repository = transport.CreateRepository("history");
        var remote = transport.RemoteOf(repository);
        try
        {
            await repository.RunGitAsync(history.ToStream(), "fast-import", "--quiet", "--done");
            var content = await ContentAsync(repository);
            var commits = (await repository.RunGitAsync("rev-list", "--reverse", "main")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            string? known = null;
            foreach (var sha in commits)
            {
                await repository.ForcePushAsync(sha);
                var tip = await _git.Tips.ReadAsync(remote, "main", 0, Cancelled);
                Assert.Equal(sha, tip.Sha);
                await using var commit = await _git.Fetcher.FetchAsync(remote, tip, known, "history", Cancelled);
                await AssertSameAsync(repository, sha, commit, content);
                known = sha;
            }
        }
        catch (Exception e) when (!Cancelled.IsCancellationRequested)
        {
            throw new InvalidOperationException($"The history of seed {seed} is not as Git has it: {e.Message}", e);
        }
    }

    // Every blob of the repository as git prints it, by its id.
    private static async Task<FrozenDictionary<string, byte[]>> ContentAsync(GitRepository repository)
    {
        var text = await repository.RunGitAsync("cat-file", "--batch-all-objects", "--batch");
        var content = new Dictionary<string, byte[]>();
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf('\n', at);
            var words = text[at..end].Split(' ');
            var size = int.Parse(words[2], CultureInfo.InvariantCulture);
            if (words[1] == "blob")
                content.Add(words[0], Encoding.Latin1.GetBytes(text, end + 1, size));
            at = end + 1 + size + 1;
        }

        return content.ToFrozenDictionary();
    }

    private static async Task AssertSameAsync(GitRepository repository, string sha, FetchedCommit commit, FrozenDictionary<string, byte[]> content)
    {
        // The order is the manifest's own: by the bytes of the path.
        var listing = (await repository.RunGitAsync("ls-tree", "-r", "-t", "-l", "-z", sha)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(listing.OrderBy(PathOf, StringComparer.Ordinal), commit.Entries.Select(Listed));

        var blobs = commit.Entries.Where(entry => entry.Size is not null).Select(entry => entry.ObjectId).Distinct().ToList();
        var read = 0;
        await commit.ReadBlobsAsync(
            blobs,
            async (id, size, stream, cancellationToken) =>
            {
                using var copy = new MemoryStream();
                await stream.CopyToAsync(copy, cancellationToken);
                Assert.True(copy.GetBuffer().AsSpan(0, (int)copy.Length).SequenceEqual(content[id]), $"the blob {id} differs");
                Assert.Equal(size, copy.Length);
                read++;
            },
            Cancelled);
        Assert.Equal(blobs.Count, read);
    }

    // As `git ls-tree -r -t -l -z` writes it.
    private static string Listed(TreeEntry entry)
    {
        var type = entry.Mode switch { "40000" => "tree", "160000" => "commit", _ => "blob" };
        return $"{entry.Mode.PadLeft(6, '0')} {type} {entry.ObjectId} {entry.Size?.ToString(CultureInfo.InvariantCulture) ?? "-",7}\t{entry.Path}";
    }

    private static string PathOf(string listed) => listed[(listed.IndexOf('\t', StringComparison.Ordinal) + 1)..];
}
