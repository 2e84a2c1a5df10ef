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

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Refs_without_end_are_cut_at_the_limit_and_never_kept(bool version2)
    {
        await using var git = new GitServices(limits => limits.RefListBytes = 64 * 1024 * 1024);
        var block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 1000).Select(i => Packets($"{Id} refs/heads/branch-{i:d9}"))));
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
            while (true)
                await stream.WriteAsync(block, cancellationToken);
        });
        var before = GC.GetTotalMemory(forceFullCollection: true);

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled));

        Assert.Equal("limit_exceeded", error.Code);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 16 * 1024 * 1024);
    }
}
