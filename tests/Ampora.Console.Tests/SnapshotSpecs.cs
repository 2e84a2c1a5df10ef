using System.Net;
using System.Text;
using Ampora.Database;
using Ampora.Store.Snapshots;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class SnapshotSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_file_of_a_revision_is_listed_and_served_byte_for_byte(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var big = new byte[3 * 1024 * 1024];
        new Random(7).NextBytes(big);
        (string Path, string Mode, byte[] Content)[] files =
        [
            ("a%2Fb.txt", "100644", Sweeping.Bytes("percent")),
            ("big.bin", "100644", big),
            // Latin-1, as a manifest keeps every byte: é in UTF-8, then é in Latin-1, which is no UTF-8.
            ("caf\u00c3\u00a9.txt", "100644", Sweeping.Bytes("utf-8")),
            ("caf\u00e9 %.txt", "100644", Sweeping.Bytes("latin-1")),
            ("dir/deep/x.sh", "100755", Sweeping.Bytes("#!/bin/sh\n")),
            ("empty", "100644", []),
            ("link", "120000", Sweeping.Bytes("/etc/passwd")),
        ];
        var sha = await console.SweepAsync(id, files);

        var list = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/snapshots");
        var kept = Assert.Single(list.Items());
        Assert.Equal((sha, "Change the <fleet>", files.Length), (kept.Text("sha"), kept.Text("subject"), kept["files"]!.GetValue<int>()));

        var manifest = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/snapshots/latest");
        Assert.Equal(sha, manifest.Text("sha"));
        var shown = manifest["files"]!.AsArray();
        Assert.Equal(["a%2Fb.txt", "big.bin", "café.txt", "caf%E9%20%25.txt", "dir/deep/x.sh", "empty", "link"], shown.Select(f => f!.Text("path")));
        Assert.Equal("percent", shown[3]!.Text("pathEncoding"));
        Assert.Equal(files.Select(f => f.Mode), shown.Select(f => f!.Text("mode")));
        Assert.Equal(files.Select(f => (long)f.Content.Length), shown.Select(f => f!["size"]!.GetValue<long>()));

        for (var i = 0; i < files.Length; i++)
        {
            var path = string.Join('/', shown[i]!.Text("path").Split('/').Select(Uri.EscapeDataString));
            using var response = await console.Admin.CallAsync(HttpMethod.Get, $"/api/git/sources/{id}/snapshots/{sha}/files/{path}");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(files[i].Content, await response.Content.ReadAsByteArrayAsync(Stop));
            Assert.Equal(files[i].Content.Length, response.Content.Headers.ContentLength);
        }

        // Clients that escape the slashes of a path too mean the same file.
        using var escaped = await console.Admin.CallAsync(HttpMethod.Get, $"/api/git/sources/{id}/snapshots/{sha}/files/dir%2Fdeep%2Fx.sh");
        Assert.Equal("#!/bin/sh\n", await escaped.Content.ReadAsStringAsync(Stop));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_committed_page_never_runs_on_this_origin(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var sha = await console.SweepAsync(id, ("x\";\u00c3\u00a9.html", "100644", Sweeping.Bytes("<script>alert(1)</script>")));
        var path = $"/api/git/sources/{id}/snapshots/latest/files/{Uri.EscapeDataString("x\";é.html")}";
        using var response = await console.Admin.CallAsync(HttpMethod.Get, path);
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("attachment", response.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("x\";é.html", response.Content.Headers.ContentDisposition.FileNameStar);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        var tag = response.Headers.ETag!.ToString();
        Assert.Matches($"^\"{sha}-[0-9a-f]+\"$", tag);

        using var again = await console.Admin.CallAsync(HttpMethod.Get, path, null, ("If-None-Match", tag));
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Equal(tag, again.Headers.ETag!.ToString());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_is_not_visible_or_not_a_file_is_not_there(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await console.Admin.RefusedAsync(404, "snapshot_not_found", HttpMethod.Get, $"/api/git/sources/{id}/snapshots/latest");
        var staged = new string('a', 40);
        var store = console.Services.GetRequiredService<SnapshotStore>();
        await store.StageAsync(id, 1, staged, new Manifest([]), (await store.FindMissingAsync(id, [], Stop)).LookedAt, Stop);
        await console.Admin.RefusedAsync(404, "snapshot_not_found", HttpMethod.Get, $"/api/git/sources/{id}/snapshots/{staged}");
        Assert.Empty((await console.Admin.GetJsonAsync($"/api/git/sources/{id}/snapshots")).Items());

        var sha = await console.SweepAsync(id, ("dir/a", "100644", Sweeping.Bytes("a")));
        foreach (var path in new[] { "dir", "dir/", "nothing", "../../x", "%2e%2e/a", "dir//a", "a%0ab" })
        {
            using var response = await console.Admin.CallAsync(HttpMethod.Get, $"/api/git/sources/{id}/snapshots/{sha}/files/{path}");
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        }

        foreach (var bad in new[] { "x", sha[..39], sha.ToUpperInvariant(), "..", "%00" })
        {
            using var response = await console.Admin.CallAsync(HttpMethod.Get, $"/api/git/sources/{id}/snapshots/{bad}/files/dir/a");
            Assert.True(response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest, $"{bad}: {response.StatusCode}");
        }

        var other = await console.CreateSourceAsync();
        await console.Admin.RefusedAsync(404, "snapshot_not_found", HttpMethod.Get, $"/api/git/sources/{other}/snapshots/{sha}");
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Revisions_are_listed_newest_first_by_pages(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var shas = new List<string> { await console.SweepAsync(id) };
        for (var i = 0; i < 2; i++)
        {
            await console.DeliverAsync(id);
            shas.Insert(0, await console.SweepAsync(id, ("n", "100644", Encoding.ASCII.GetBytes($"{i}"))));
        }

        var first = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/snapshots?limit=2");
        var second = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/snapshots?limit=2&cursor={first.Text("next")}");
        Assert.Equal(shas, [.. first.Items().Concat(second.Items()).Select(s => s.Text("sha"))]);
        Assert.Null(second["next"]);
    }
}
