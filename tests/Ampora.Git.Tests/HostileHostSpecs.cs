using System.Text;
using static Ampora.Git.Tests.HostileHost;

namespace Ampora.Git.Tests;

/// <summary>Whatever a server answers, a check ends with an error that says what it was, soon, and in bounded memory.</summary>
public sealed class HostileHostSpecs : IAsyncLifetime
{
    private const string Id = "1111111111111111111111111111111111111111";
    private const string Other = "2222222222222222222222222222222222222222";

    private static readonly string Version2 = Packets("# service=git-upload-pack", "", "version 2", "ls-refs=unborn", "fetch=shallow", "object-format=sha1", "");

    private readonly GitServices _git = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _git.DisposeAsync();

    public static TheoryData<string> BadDiscoveries => new(
        "",
        "0",
        "000",
        "0000",
        "0003",
        "0001",
        "0002",
        "zzzz",
        "-001",
        "+001",
        " 001",
        "fff1" + new string('x', 70_000),
        "ffff" + new string('x', 70_000),
        "001e# service=git-upload-pack",
        "001e# service=git-upload-pack\n",
        "001e# service=git-upload-pack\n0000",
        "001e# service=git-upload-pack\n00000003",
        Packets("# service=git-receive-pack", "", Id + " refs/heads/main\0caps", ""),
        Packets("# service=git-upload-pack", "", "version 2", "ls-refs"),
        Packets("# service=git-upload-pack", "", "version 2", ""),
        Packets("# service=git-upload-pack", "", "version 2", "fetch", ""),
        Packets(["# service=git-upload-pack", "", "version 2", .. Enumerable.Repeat("ls-refs", 10_000)]),
        Packets("# service=git-upload-pack", "", "version 2", "ls-refs", "fetch", "object-format=sha3", ""),
        Packets("# service=git-upload-pack", "", "hello", ""),
        Packets("# service=git-upload-pack", "", Id + " refs/heads/main", ""),
        Packets("# service=git-upload-pack", "", Id + "1 refs/heads/main\0caps", ""),
        Packets("# service=git-upload-pack", "", Id[1..] + " refs/heads/main\0caps", ""),
        Packets("# service=git-upload-pack", "", Id.Replace('1', 'A') + " refs/heads/main\0caps", ""),
        Packets("# service=git-upload-pack", "", Id.Replace('1', 'g') + " refs/heads/main\0caps", ""),
        Packets("# service=git-upload-pack", "", Id + " refs/heads/main\0object-format=sha256", ""),
        Packets("# service=git-upload-pack", "", Id + " refs/heads/other\0caps"),
        Packets("# service=git-upload-pack", "", Id + " refs/heads/other\0caps") + "0001",
        Packets("# service=git-upload-pack", "", Id + " refs/heads/other\0caps", Other) + "0000",
        "PACK\0\0\0\u0002");

    [Theory]
    [MemberData(nameof(BadDiscoveries))]
    public async Task A_discovery_that_is_none_is_a_protocol_error(string body)
    {
        await using var host = Serving(body);

        Assert.Equal("protocol_error", (await FailAsync(host)).Code);
    }

    public static TheoryData<string> BadLists => new(
        "",
        "0003",
        "zzzz",
        "0001",
        "0002",
        "fff1" + new string('x', 70_000),
        "003f" + Id,
        Packets(Id + " refs/heads/other"),
        Packets(Id + " refs/heads/main"),
        Packets(Id + "1 refs/heads/main", ""),
        Packets(Id[1..] + " refs/heads/main", ""),
        Packets(Id.ToUpperInvariant().Replace('1', 'F') + " refs/heads/main", ""),
        Packets(Id + Id[..24] + " refs/heads/main", ""),
        Packets(Id, ""),
        Packets("refs/heads/main " + Id, ""),
        Packets(Id + " refs/heads/main peeled:1234", ""),
        Packets(Id + " refs/heads/main peeled:" + Id + "1", ""),
        "HTTP/1.1 200 OK");

    [Theory]
    [MemberData(nameof(BadLists))]
    public async Task A_list_of_refs_that_is_none_is_a_protocol_error(string body)
    {
        await using var host = Serving(Version2, body);

        Assert.Equal("protocol_error", (await FailAsync(host)).Code);
    }

    [Fact]
    public async Task The_same_host_answering_well_is_understood()
    {
        await using var host = Serving(Version2, Packets(Other + " refs/heads/main2", Id + " refs/heads/main", ""));

        Assert.Equal(new Tip(Id, "refs/heads/main"), await _git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled));
    }

    [Theory]
    [InlineData("text/html", "a web page")]
    [InlineData("text/plain", "no smart HTTP")]
    [InlineData("application/json", "application/json")]
    public async Task What_is_no_git_host_at_all_is_said_to_be_none(string type, string words)
    {
        await using var host = new HostileHost((_, stream, cancellationToken) => stream.WriteAsync(
            Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"), cancellationToken).AsTask());

        var error = await FailAsync(host);

        Assert.Equal("protocol_error", error.Code);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_line_is_shown_without_what_would_break_a_log()
    {
        await using var host = Serving(Packets("# service=git-upload-pack", "", "ERR no \u001b[31mentry\r\nforged line " + new string('x', 5000), ""));

        var error = await FailAsync(host);

        Assert.Equal("host_error", error.Code);
        Assert.Contains("no  [31mentry  forged line", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 1, 500);
    }

    [Theory]
    [InlineData("garbage\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 1000\r\n\r\n0000")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("")]
    public async Task Http_that_breaks_off_is_an_error_of_the_host(string answer)
    {
        await using var host = new HostileHost((_, stream, cancellationToken) => stream.WriteAsync(Encoding.ASCII.GetBytes(answer), cancellationToken).AsTask());

        Assert.Contains((await FailAsync(host)).Code, (string[])["unreachable", "protocol_error"]);
    }

    [Fact]
    public async Task Endless_headers_are_cut()
    {
        await using var host = new HostileHost(async (_, stream, cancellationToken) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n"u8.ToArray(), cancellationToken);
            while (true)
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"X-{new string('a', 1000)}: b\r\n"), cancellationToken);
        });

        Assert.Contains((await FailAsync(host)).Code, (string[])["unreachable", "protocol_error"]);
    }

    [Fact]
    public async Task A_byte_now_and_then_does_not_outlast_the_deadline()
    {
        await using var git = new GitServices(limits => limits.TipDeadline = TimeSpan.FromMilliseconds(500));
        await using var host = new HostileHost(async (_, stream, cancellationToken) =>
        {
            foreach (var value in Answer("advertisement", Version2))
            {
                await stream.WriteAsync(new[] { value }, cancellationToken);
                await Task.Delay(100, cancellationToken);
            }
        });

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled));

        Assert.Equal("timeout", error.Code);
    }

    [Fact]
    public async Task The_v0_list_is_abandoned_at_the_wanted_ref()
    {
        var block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 100).Select(i => Packets($"{Other} refs/heads/z{i:d9}"))));
        await using var host = new HostileHost(async (_, stream, cancellationToken) =>
        {
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: close\r\n\r\n"u8.ToArray(), cancellationToken);
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Packets("# service=git-upload-pack", "", Id + " HEAD\0symref=HEAD:refs/heads/main", Id + " refs/heads/main")), cancellationToken);
            while (true)
                await stream.WriteAsync(block, cancellationToken);
        });

        Assert.Equal(new Tip(Id, "refs/heads/main"), await _git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled));
        Assert.Equal(new Tip(Id, "refs/heads/main"), await _git.Tips.ReadAsync(GitServices.Remote(host.Url), "HEAD", 0, Cancelled));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000")]
    [InlineData("zzzz")]
    [InlineData("000dpackfile\n")]
    [InlineData("000dpackfile\n0009\u0001PACK")]
    [InlineData("000dpackfile\n000d\u0001NOTAPACK0000")]
    // A pack that says it has four billion objects.
    [InlineData("000dpackfile\n0011\u0001PACK\0\0\0\u0002\u00ff\u00ff\u00ff\u00ff0000")]
    [InlineData("000dpackfile\n000b\u0003broken0000")]
    public async Task A_fetch_that_brings_no_pack_is_an_error_and_leaves_no_partial_state(string answer)
    {
        await using var host = Serving(Version2, answer);
        var tip = new Tip(Id, "refs/heads/main");

        var error = await Assert.ThrowsAsync<GitException>(() => _git.Fetcher.FetchAsync(GitServices.Remote(host.Url), tip, null, "key", Cancelled));

        Assert.Contains(error.Code, (string[])["fetch_failed", "protocol_error", "limit_exceeded", "unreachable"]);
        Assert.DoesNotContain("127.0.0.1", error.Message.Replace(host.Url, "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_git.CacheFolder, "key.git/refs/ampora/tip")));
    }

    [Fact]
    public async Task A_pack_without_end_is_cut_at_the_limit()
    {
        await using var git = new GitServices(limits => limits.PackBytes = 1_000_000);
        await using var host = new HostileHost(async (head, stream, cancellationToken) =>
        {
            if (head.StartsWith("GET", StringComparison.Ordinal))
            {
                await stream.WriteAsync(Answer("advertisement", Version2), cancellationToken);
                return;
            }

            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nConnection: close\r\n\r\n000dpackfile\n"u8.ToArray(), cancellationToken);
            // Progress lines are bytes too.
            var block = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Packets("\u0002counting"), 1000)));
            while (true)
                await stream.WriteAsync(block, cancellationToken);
        });

        var error = await Assert.ThrowsAsync<GitException>(
            () => git.Fetcher.FetchAsync(GitServices.Remote(host.Url), new Tip(Id, "refs/heads/main"), null, "key", Cancelled));

        Assert.Equal("limit_exceeded", error.Code);
    }

    private Task<GitException> FailAsync(HostileHost host) =>
        Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled));
}
