using System.Security.Cryptography;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Fetching a commit from a real Git host: the tree and its content are those of the repository, byte for byte.</summary>
public sealed class FetchSpecs : GitHostSpecs
{
    [Theory]
    [InlineData("sha1", false)]
    [InlineData("sha1", true)]
    [InlineData("sha256", false)]
    public async Task The_tree_and_its_blobs_are_those_of_the_repository_byte_for_byte(string objectFormat, bool onlyV0)
    {
        var repository = Host.CreateRepository("odd", objectFormat);
        repository.OnlyProtocolV0 = onlyV0;
        var sha = await CommitOddTreeAsync(repository);
        var tip = await Services.Tips.ReadAsync(GitServices.Remote(repository), "main", 0, Cancelled);
        Assert.Equal(sha, tip.Sha);

        await using var commit = await Services.Fetcher.FetchAsync(GitServices.Remote(repository), tip, null, "odd-1", Cancelled);

        await AssertSameAsync(repository, sha, commit);
        Assert.Equal("Ada Lovelace <ada@example.org>", commit.Author);
        Assert.Equal("A tree of oddities", commit.Subject);
        Assert.Empty(commit.Parents);
    }

    [Fact]
    public async Task The_second_fetch_asks_the_host_once_and_transfers_what_is_new_alone()
    {
        var big = RandomNumberGenerator.GetBytes(2_000_000);
        await Repository.CommitAsync([new GitFile("big.bin", big), new GitFile("a.txt", "one"u8.ToArray())]);
        var remote = GitServices.Remote(Repository);
        var first = await Services.Tips.ReadAsync(remote, "main", 0, Cancelled);
        await using (await Services.Fetcher.FetchAsync(remote, first, null, "key", Cancelled))
        {
        }

        await Repository.CommitAsync(("a.txt", "two"));
        var second = await Services.Tips.ReadAsync(remote, "main", 0, Cancelled);
        Repository.ForgetRequests();
        var before = CacheBytes();
        await using var commit = await Services.Fetcher.FetchAsync(remote, second, first.Sha, "key", Cancelled);

        await AssertSameAsync(Repository, second.Sha, commit);
        Assert.Equal([first.Sha], commit.Parents);
        Assert.Equal([GitRequestKind.Fetch], Repository.Requests.Select(request => request.Kind));
        Assert.InRange(CacheBytes() - before, 1, 20_000);
    }

    [Fact]
    public async Task A_forced_update_back_and_forth_is_fetched_each_time()
    {
        var remote = GitServices.Remote(Repository);
        var a = await Repository.CommitAsync(("a.txt", "one"));
        var b = await Repository.CommitAsync(("a.txt", "two"));
        foreach (var sha in new[] { b, a, b, a })
        {
            await Repository.ForcePushAsync(sha);
            await using var commit = await Services.Fetcher.FetchAsync(remote, await Services.Tips.ReadAsync(remote, "main", 0, Cancelled), null, "key", Cancelled);
            await AssertSameAsync(Repository, sha, commit);
        }
    }

    [Fact]
    public async Task Many_fetches_in_a_row_stay_right_while_the_cache_is_tended()
    {
        var remote = GitServices.Remote(Repository);
        for (var i = 0; i < 80; i++)
        {
            var sha = await Repository.CommitAsync(($"dir/{i % 7}.txt", $"content {i}"));
            var tip = await Services.Tips.ReadAsync(remote, "main", 0, Cancelled);
            Assert.Equal(sha, tip.Sha);
            await using var commit = await Services.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);
            if (i % 10 == 9)
                await AssertSameAsync(Repository, sha, commit);
        }

        Assert.InRange(Directory.GetFiles(Path.Combine(Services.CacheFolder, "key.git/objects/pack"), "*.pack").Length, 1, 40);
    }

    private long CacheBytes() => new DirectoryInfo(Services.CacheFolder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);

    private static async Task<string> CommitOddTreeAsync(GitRepository repository)
    {
        var commitId = new string('1', (await repository.RunGitAsync("rev-parse", "--show-object-format")).Trim() == "sha256" ? 64 : 40);
        var empty = Array.Empty<byte>();
        var crLf = "line\r\nline\n\0binary\u00ff"u8.ToArray();
        await repository.CommitAsync(
            [
                new GitFile("run.sh", "#!/bin/sh\nexit 1\n"u8.ToArray(), "100755"),
                new GitFile("link", "/etc/passwd"u8.ToArray(), "120000"),
                new GitFile("sub/module", Encoding.ASCII.GetBytes(commitId), "160000"),
                new GitFile("empty", empty),
                new GitFile("same/empty", empty),
                new GitFile("bin", crLf),
                new GitFile("a", "a"u8.ToArray()),
                new GitFile("a.b", "a.b"u8.ToArray()),
                new GitFile("ab/c/d/e", "deep"u8.ToArray()),
                new GitFile("ab-c", "sorts between"u8.ToArray()),
                new GitFile("ünïcödé/名前 with space", "names"u8.ToArray()),
                new GitFile("line\nfeed\ttab\"quote\\", "odd"u8.ToArray()),
                new GitFile("-option", "dash"u8.ToArray()),
                new GitFile(".gitattributes", "* text eol=crlf\n*.bin filter=lfs\n"u8.ToArray()),
                new GitFile("large.bin", RandomNumberGenerator.GetBytes(300_000)),
            ],
            message: "A tree of oddities\n\nWith a body.\n");
        return (await repository.TipAsync())!;
    }

    internal static async Task AssertSameAsync(GitRepository repository, string sha, FetchedCommit commit)
    {
        var listing = (await repository.RunGitAsync("ls-tree", "-r", "-t", "-l", "-z", sha)).Split('\0', StringSplitOptions.RemoveEmptyEntries);
        var expected = listing.Select(line =>
        {
            var (meta, path) = (line[..line.IndexOf('\t', StringComparison.Ordinal)], line[(line.IndexOf('\t', StringComparison.Ordinal) + 1)..]);
            var words = meta.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (Path: path, Mode: words[0].TrimStart('0'), Id: words[2], Size: words[3]);
        }).OrderBy(entry => entry.Path, StringComparer.Ordinal).ToList();
        Assert.Equal(expected, commit.Entries.Select(entry => (entry.Path, entry.Mode, entry.ObjectId, entry.Size?.ToString() ?? "-")));

        var blobs = commit.Entries.Where(entry => entry.Size is not null).Select(entry => entry.ObjectId).Distinct().ToList();
        var read = new Dictionary<string, byte[]>();
        await commit.ReadBlobsAsync(
            blobs,
            async (id, size, content, cancellationToken) =>
            {
                using var copy = new MemoryStream();
                await content.CopyToAsync(copy, cancellationToken);
                Assert.Equal(size, copy.Length);
                read.Add(id, copy.ToArray());
            },
            Cancelled);
        foreach (var id in blobs)
            Assert.Equal(await repository.RunGitAsync("cat-file", "blob", id), Encoding.Latin1.GetString(read[id]));
    }
}
