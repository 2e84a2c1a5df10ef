using System.Globalization;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Packs that were made to exhaust whoever reads them: each ends in an error that has a name, within the memory that children may have, and nothing of it stays.</summary>
public sealed class HostilePackSpecs : IAsyncLifetime
{
    private const long Mebibyte = 1024 * 1024;

    private readonly GitServices _git = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _git.DisposeAsync();

    [Theory]
    [InlineData(uint.MaxValue, "limit_exceeded")]
    [InlineData(20_000_000u, "limit_exceeded")]
    [InlineData(4u, "fetch_failed")]
    [InlineData(0u, "fetch_failed")]
    public async Task CVE_2023_49568_a_pack_that_says_it_has_more_objects_than_it_has(uint count, string code)
    {
        var pack = new HandmadePack();
        var commit = AddCommit(pack, pack.Add("blob", "x"u8.ToArray()));

        await AssertFailsAsync(pack.ToArray(count), commit, code);
    }

    [Fact]
    public async Task A_pack_by_hand_is_read_like_any_other()
    {
        var pack = new HandmadePack();
        var small = pack.Add("blob", new byte[100_000]);
        var commit = AddCommit(pack, pack.AddZeros(small, 100_000, Mebibyte));

        await using var host = Serving(pack.ToArray(), commit);
        await using var fetched = await _git.Fetcher.FetchAsync(GitServices.Remote(host.Url), new Tip(commit, "refs/heads/main"), null, "key", Cancelled);

        Assert.Equal(Mebibyte, Assert.Single(fetched.Entries).Size);
    }

    [Theory]
    [InlineData(1024, 0)]
    [InlineData(200, 200)]
    [InlineData(200, 1024)]
    public async Task A_few_differences_that_unfold_to_gigabytes_end_at_the_memory_that_git_may_have(int first, int second)
    {
        var pack = new HandmadePack();
        var file = pack.Add("blob", new byte[Mebibyte]);
        file = pack.AddZeros(file, Mebibyte, first * Mebibyte);
        if (second > 0)
            file = pack.AddZeros(file, first * Mebibyte, (second * Mebibyte) + 1);
        var commit = AddCommit(pack, file);

        await AssertFailsAsync(pack.ToArray(), commit, "limit_exceeded");
    }

    [Fact]
    public async Task More_objects_than_a_fetch_may_bring_are_not_kept()
    {
        await using var git = new GitServices(limits => limits.PackObjects = 100);
        await using var server = await GitHttpServer.StartAsync();
        var repository = server.CreateRepository();
        await repository.CommitAsync([.. Enumerable.Range(0, 120).Select(i => ($"{i}.txt", (string?)$"{i}"))]);
        var remote = GitServices.Remote(repository);
        var tip = await git.Tips.ReadAsync(remote, "main", 0, Cancelled);

        for (var i = 0; i < 2; i++)
        {
            var error = await Assert.ThrowsAsync<GitException>(() => git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled));

            Assert.Equal("limit_exceeded", error.Code);
            Assert.Contains("PackObjects", error.Remedy, StringComparison.Ordinal);
            AssertNoPacks(git);
        }
    }

    [Fact]
    public async Task A_directory_of_a_million_files_is_cut_at_the_limit()
    {
        await using var server = await GitHttpServer.StartAsync();
        var repository = server.CreateRepository();
        var blob = Convert.FromHexString((await repository.RunGitAsync("x"u8.ToArray(), "hash-object", "-w", "--stdin")).Trim());
        using var text = new MemoryStream();
        for (var i = 0; i < 1_000_000; i++)
        {
            text.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"100644 {i:d7}\0")));
            text.Write(blob);
        }

        var tree = (await repository.RunGitAsync(text.ToArray(), "-c", "core.compression=1", "hash-object", "-t", "tree", "-w", "--stdin")).Trim();
        var sha = (await repository.RunGitAsync("commit-tree", "-m", "hostile", tree)).Trim();
        await repository.RunGitAsync("update-ref", "refs/heads/main", sha);
        using var memory = new MemoryWatch(_git.CacheFolder);

        var error = await Assert.ThrowsAsync<GitException>(
            () => _git.Fetcher.FetchAsync(GitServices.Remote(repository), new Tip(sha, "refs/heads/main"), null, "key", Cancelled));

        Assert.Equal("limit_exceeded", error.Code);
        Assert.Contains("TreeEntries", error.Remedy, StringComparison.Ordinal);
        AssertNoPacks(_git);
        await memory.AssertBelowAsync(500 * Mebibyte);
    }

    private async Task AssertFailsAsync(byte[] pack, string commit, string code)
    {
        await using var host = Serving(pack, commit);
        using var memory = new MemoryWatch(_git.CacheFolder);

        var error = await Assert.ThrowsAsync<GitException>(
            () => _git.Fetcher.FetchAsync(GitServices.Remote(host.Url), new Tip(commit, "refs/heads/main"), null, "key", Cancelled));

        Assert.Equal(code, error.Code);
        Assert.NotEmpty(error.Remedy);
        AssertNoPacks(_git);
        await memory.AssertBelowAsync(500 * Mebibyte);
    }

    private static void AssertNoPacks(GitServices git) =>
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(git.CacheFolder, "key.git", "objects"), "*", SearchOption.AllDirectories));

    private static string AddCommit(HandmadePack pack, string blob)
    {
        var tree = pack.Add("tree", [.. "100644 zeros\0"u8, .. Convert.FromHexString(blob)]);
        return pack.Add("commit", Encoding.ASCII.GetBytes($"tree {tree}\nauthor Ada <ada@example.org> 1700000000 +0000\ncommitter Ada <ada@example.org> 1700000000 +0000\n\nhostile\n"));
    }

    /// <summary>A host with protocol v2 that answers every request for objects with one pack (gitprotocol-v2, fetch).</summary>
    private static HostileHost Serving(byte[] pack, string commit)
    {
        const int mostInPacket = 60_000;
        var answer = new StringBuilder(HostileHost.Packets("shallow-info", $"shallow {commit}")).Append("0001").Append(HostileHost.Packets("packfile"));
        foreach (var part in pack.Chunk(mostInPacket))
            answer.Append((part.Length + 5).ToString("x4", CultureInfo.InvariantCulture)).Append('\u0001').Append(Encoding.Latin1.GetString(part));
        return HostileHost.Serving(
            HostileHost.Packets("# service=git-upload-pack", "", "version 2", "ls-refs", "fetch=shallow", "object-format=sha1", ""), answer.Append("0000").ToString());
    }

    /// <summary>Looks again and again how much memory the processes have that work in a folder.</summary>
    private sealed class MemoryWatch : IDisposable
    {
        private readonly CancellationTokenSource _ending = new();
        private readonly Dictionary<string, long> _peaks = new(StringComparer.Ordinal);
        private readonly Task _watching;

        public MemoryWatch(string folder) => _watching = WatchAsync(folder);

        public async Task AssertBelowAsync(long bytes)
        {
            await _ending.CancelAsync();
            await _watching;
            Assert.InRange(_peaks.Values.Sum(), 0, bytes);
        }

        public void Dispose() => _ending.Dispose();

        private async Task WatchAsync(string folder)
        {
            while (!_ending.IsCancellationRequested)
            {
                foreach (var process in Directory.EnumerateDirectories("/proc"))
                {
                    try
                    {
                        if (File.ReadAllText(process + "/environ").Contains(folder, StringComparison.Ordinal))
                            _peaks[process] = Peak(await File.ReadAllLinesAsync(process + "/status", CancellationToken.None));
                    }
                    catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                    {
                        // Gone, or another user's.
                    }
                }

                await Task.Delay(20, CancellationToken.None);
            }
        }

        private static long Peak(string[] status) =>
            status.FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } line
                ? long.Parse(line.AsSpan(6).Trim(" kB\t"), CultureInfo.InvariantCulture) * 1024
                : 0;
    }
}
