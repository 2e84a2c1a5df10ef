using System.Text;
using static Ampora.Git.Tests.HostileHost;

namespace Ampora.Git.Tests;

/// <summary>Runs beside no other test: it looks at the memory of the whole process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}

/// <summary>A list of refs that never ends costs a bounded time and no memory.</summary>
[Collection(Alone.Name)]
public sealed class EndlessRefsSpecs
{
    private const string Id = "1111111111111111111111111111111111111111";

    private static readonly string Version2 = Packets("# service=git-upload-pack", "", "version 2", "ls-refs=unborn", "fetch=shallow", "object-format=sha1", "");

    // Equal names again and again: how many there are is what counts here.
    private static readonly (byte[] Bytes, int Refs) Block =
        (Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 1000).Select(i => Packets($"{Id} refs/tags/v1.{i}.0")))), 1000);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Refs_without_end_are_cut_at_the_limit_of_bytes_and_never_kept(bool version2)
    {
        await using var git = new GitServices(limits => (limits.RefListBytes, limits.Refs) = (64 * 1024 * 1024, int.MaxValue));

        Assert.Contains("Ampora__Git__RefListBytes", (await ReadAsync(git, version2, refs: int.MaxValue)).Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Five_million_refs_are_cut_at_the_limit_of_refs_and_never_kept(bool version2)
    {
        await using var git = new GitServices(limits => limits.TipDeadline = TimeSpan.FromMinutes(2));

        Assert.Contains("Ampora__Git__Refs", (await ReadAsync(git, version2, refs: 5_000_000)).Remedy, StringComparison.Ordinal);
    }

    // Names that fit a pattern cost the most, for each is a version that is compared.
    private static async Task<GitException> ReadAsync(GitServices git, bool version2, int refs)
    {
        await using var host = new HostileHost(async (head, stream, cancellationToken) =>
        {
            var isGet = head.StartsWith("GET", StringComparison.Ordinal);
            if (isGet && version2)
            {
                await stream.WriteAsync(Answer("advertisement", Version2), cancellationToken);
                return;
            }

            await stream.WriteAsync(
                Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{(isGet ? "advertisement" : "result")}\r\nConnection: close\r\n\r\n"),
                cancellationToken);
            if (isGet)
                await stream.WriteAsync(Encoding.ASCII.GetBytes(Packets("# service=git-upload-pack", "", Id + " refs/heads/a\0caps")), cancellationToken);
            for (var sent = 0; sent < refs; sent += Block.Refs)
                await stream.WriteAsync(Block.Bytes, cancellationToken);
            await stream.WriteAsync("0000"u8.ToArray(), cancellationToken);
        });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var most = 0L;
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var watch = WatchAsync();

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(host.Url), "tags/v1.*", 0, Cancelled));

        await watching.CancelAsync();
        await watch;
        Assert.Equal("limit_exceeded", error.Code);
        // Garbage of half a second among it.
        Assert.InRange(most - before, long.MinValue, 128 * 1024 * 1024);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16 * 1024 * 1024);
        return error;

        async Task WatchAsync()
        {
            while (!watching.IsCancellationRequested)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false));
                await Task.Delay(20, CancellationToken.None);
            }
        }
    }
}
