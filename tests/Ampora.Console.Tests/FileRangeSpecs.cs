using System.Net;
using Ampora.Database;

namespace Ampora.Console.Tests;

public sealed class FileRangeSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_part_of_a_file_is_answered_to_who_asks_for_it(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        // Larger than a piece of the store, and not to be compressed.
        var content = new byte[(2 * 1024 * 1024) + 17];
        new Random(11).NextBytes(content);
        await console.SweepAsync(id, ("big.bin", "100644", content), ("empty", "100644", []));
        var path = $"/api/git/sources/{id}/snapshots/latest/files/big.bin";

        using var whole = await console.Admin.CallAsync(HttpMethod.Get, path);
        Assert.Equal("bytes", whole.Headers.AcceptRanges.Single());
        var tag = whole.Headers.ETag!.ToString();

        foreach (var (range, from, to) in new[]
        {
            ("bytes=0-0", 0, 0), ("bytes=5-9", 5, 9), ("bytes=1048570-1048590", 1048570, 1048590), ("bytes=-17", content.Length - 17, content.Length - 1),
            ("bytes=2097160-", 2097160, content.Length - 1), ("bytes=10-99999999", 10, content.Length - 1),
        })
        {
            using var part = await console.Admin.CallAsync(HttpMethod.Get, path, null, ("Range", range), ("If-Range", tag));
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal($"bytes {from}-{to}/{content.Length}", part.Content.Headers.ContentRange!.ToString());
            Assert.Equal(content[from..(to + 1)], await part.Content.ReadAsByteArrayAsync(Stop));
            Assert.Equal(tag, part.Headers.ETag!.ToString());
            Assert.Equal("attachment", part.Content.Headers.ContentDisposition!.DispositionType);
            Assert.Contains("sandbox", part.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        }

        using var beyond = await console.Admin.CallAsync(HttpMethod.Get, path, null, ("Range", $"bytes={content.Length}-"));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
        Assert.Equal($"bytes */{content.Length}", beyond.Content.Headers.ContentRange!.ToString());

        // Several ranges, something that is no range, and a part of another revision: the whole.
        foreach (var headers in new (string, string)[][]
        {
            [("Range", "bytes=0-1,5-6")], [("Range", "lines=1-2")], [("Range", "bytes=x")], [("Range", "bytes=0-1"), ("If-Range", "\"other\"")],
        })
        {
            using var all = await console.Admin.CallAsync(HttpMethod.Get, path, null, headers);
            Assert.True(all.StatusCode == HttpStatusCode.OK, $"{headers[0]}: {all.StatusCode}");
            Assert.Equal(content, await all.Content.ReadAsByteArrayAsync(Stop));
        }

        using var nothing = await console.Admin.CallAsync(HttpMethod.Get, path.Replace("big.bin", "empty", StringComparison.Ordinal), null, ("Range", "bytes=0-0"));
        Assert.True(nothing.StatusCode is HttpStatusCode.OK or HttpStatusCode.RequestedRangeNotSatisfiable, $"{nothing.StatusCode}");
        Assert.Empty(await nothing.Content.ReadAsByteArrayAsync(Stop));
        using var mismatch = await console.Admin.CallAsync(HttpMethod.Get, path, null, ("If-Match", "\"other\""));
        Assert.Equal(HttpStatusCode.PreconditionFailed, mismatch.StatusCode);
    }

    [Fact]
    public async Task A_head_request_is_told_what_there_is()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync();
        await console.SweepAsync(id, ("a.html", "100644", Sweeping.Bytes("<script>")));
        var at = $"/api/git/sources/{id}/snapshots/latest";

        using var file = await console.Admin.CallAsync(HttpMethod.Head, $"{at}/files/a.html");
        Assert.Equal(HttpStatusCode.OK, file.StatusCode);
        Assert.Equal((8, "application/octet-stream"), (file.Content.Headers.ContentLength, file.Content.Headers.ContentType!.ToString()));
        Assert.Equal("bytes", file.Headers.AcceptRanges.Single());
        Assert.Equal("nosniff", file.Headers.GetValues("X-Content-Type-Options").Single());
        using var manifest = await console.Admin.CallAsync(HttpMethod.Head, at);
        Assert.Equal((HttpStatusCode.OK, file.Headers.ETag), (manifest.StatusCode, manifest.Headers.ETag));
        using var missing = await console.Admin.CallAsync(HttpMethod.Head, $"{at}/files/b.html");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }
}
