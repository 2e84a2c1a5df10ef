using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text;
using Ampora.Database;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tests;

public sealed class ArchiveSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_archive_unpacked_is_byte_for_byte_what_git_archive_makes(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        await using var host = await GitHttpServer.StartAsync();
        using var repository = host.CreateRepository();
        var big = new byte[300_001];
        new Random(3).NextBytes(big);
        var deep = string.Join('/', Enumerable.Repeat("directory-of-a-long-name", 12));
        var submodule = Encoding.ASCII.GetBytes(new string('1', 40));
        await repository.CommitAsync(
        [
            new GitFile("a-b", Sweeping.Bytes("before a/")),
            new GitFile("a.txt", Sweeping.Bytes("also before a/")),
            new GitFile("a/b/c.txt", Sweeping.Bytes("nested")),
            new GitFile("a/x.sh", Sweeping.Bytes("#!/bin/sh\n"), "100755"),
            new GitFile("a0", Sweeping.Bytes("behind a/")),
            new GitFile("big.bin", big),
            new GitFile("empty", []),
            new GitFile("exactly", new byte[512]),
            new GitFile("link", Sweeping.Bytes("/etc/passwd"), "120000"),
            new GitFile("long-link", Sweeping.Bytes(new string('t', 150)), "120000"),
            new GitFile("lib/sub", submodule, "160000"),
            new GitFile(new string('n', 101), Sweeping.Bytes("name of 101")),
            new GitFile($"{new string('p', 60)}/{new string('n', 80)}", Sweeping.Bytes("prefix and name")),
            new GitFile($"{deep}/file", Sweeping.Bytes("too long for prefix and name")),
            new GitFile("\u00fcber/na\u00efve \"quoted\" \u96ea", Sweeping.Bytes("utf-8")),
        ]);
        var tip = await repository.TipAsync();
        // Latin-1, which is no UTF-8.
        await repository.RunGitAsync(
            Encoding.Latin1.GetBytes(
                $"commit refs/heads/main\ncommitter C <c@example.org> 1700001234 +0200\ndata 1\nx\nfrom {tip}\nM 100644 inline \"caf\\351\"\ndata 7\nlatin-1\n\n"),
            "fast-import",
            "--quiet");
        var sha = (await repository.TipAsync())!;

        var id = await console.CreateSourceAsync();
        await console.SweepTreeAsync(id, sha, DateTimeOffset.FromUnixTimeSeconds(1700001234), await ReadTreeAsync(repository, sha));
        var path = $"/api/git/sources/{id}/snapshots/latest/archive.tar.gz";
        using var response = await console.Admin.CallAsync(HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var archive = await response.Content.ReadAsByteArrayAsync(Stop);

        var expected = Encoding.Latin1.GetBytes(await repository.RunGitAsync("archive", "--format=tar", sha));
        Assert.Equal(expected, Unzip(archive));
        Assert.Equal("application/gzip", response.Content.Headers.ContentType!.ToString());
        Assert.Equal($"{id}-{sha[..12]}.tar.gz", response.Content.Headers.ContentDisposition!.FileNameStar);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);

        // The same bytes each time, and by another store of the same commit.
        using var again = await console.Admin.CallAsync(HttpMethod.Get, path);
        Assert.Equal(archive, await again.Content.ReadAsByteArrayAsync(Stop));
        var tag = response.Headers.ETag!.ToString();
        using var unchanged = await console.Admin.CallAsync(HttpMethod.Get, path, null, ("If-None-Match", tag));
        Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
        using var head = await console.Admin.CallAsync(HttpMethod.Head, path);
        Assert.Equal((HttpStatusCode.OK, tag, "application/gzip"), (head.StatusCode, head.Headers.ETag!.ToString(), head.Content.Headers.ContentType!.ToString()));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_is_left_out_is_in_no_manifest_file_or_archive(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await console.Admin.SendJsonAsync(
            HttpMethod.Patch, $"/api/git/sources/{id}", new { include = new[] { "/apps/", "*.md" }, exclude = new[] { "# the team's own notes", "notes.md" } });
        ManifestEntry Directory(string path) => new(path, "40000", new string('d', 40), null);
        ManifestEntry File(string path) => new(path, "100644", Convert.ToHexStringLower(Encoding.ASCII.GetBytes(path.PadRight(20)[..20])), 1);
        (ManifestEntry, byte[]?)[] tree =
        [
            (File("README.md"), [1]), (Directory("apps"), null), (File("apps/a.yaml"), [2]), (Directory("apps/deep"), null), (File("apps/deep/notes.md"), [3]),
            (Directory("docs"), null), (File("docs/x.md"), [4]), (Directory("other"), null), (File("other/secret.txt"), [5]),
        ];
        var sha = new string('e', 40);
        await console.SweepTreeAsync(id, sha, DateTimeOffset.UnixEpoch.AddDays(1), tree);

        var at = $"/api/git/sources/{id}/snapshots/{sha}";
        var manifest = await console.Admin.GetJsonAsync(at);
        Assert.Equal(["README.md", "apps/a.yaml", "docs/x.md"], manifest["files"]!.AsArray().Select(f => f!.Text("path")));
        Assert.Equal(3, manifest["bytes"]!.GetValue<long>());
        await console.Admin.RefusedAsync(404, "file_not_found", HttpMethod.Get, $"{at}/files/other/secret.txt");
        await console.Admin.RefusedAsync(404, "file_not_found", HttpMethod.Get, $"{at}/files/apps/deep/notes.md");
        using var shown = await console.Admin.CallAsync(HttpMethod.Get, $"{at}/files/docs/x.md");
        Assert.Equal([4], await shown.Content.ReadAsByteArrayAsync(Stop));
        using var filtered = await console.Admin.CallAsync(HttpMethod.Get, $"{at}/archive.tar.gz");
        Assert.Equal(["README.md", "apps/", "apps/a.yaml", "docs/", "docs/x.md"], NamesIn(await filtered.Content.ReadAsByteArrayAsync(Stop)));

        // Another filter shows something else, and says so.
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { include = (string[]?)null, exclude = Array.Empty<string>() });
        using var whole = await console.Admin.CallAsync(HttpMethod.Get, $"{at}/archive.tar.gz", null, ("If-None-Match", filtered.Headers.ETag!.ToString()));
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);
        Assert.Equal(9, NamesIn(await whole.Content.ReadAsByteArrayAsync(Stop)).Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000)]
    public async Task A_content_that_is_gone_never_makes_a_short_archive(int before)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync();
        var content = new byte[before];
        new Random(5).NextBytes(content);
        await console.SweepAsync(id, ("a.bin", "100644", content), ("b.txt", "100644", Sweeping.Bytes("gone")));
        await console.Store.WriteAsync((context, stop) => context.Blobs.Where(b => b.SourceId == id && b.Size == 4).ExecuteDeleteAsync(stop), Stop);

        var answer = async () =>
        {
            using var response = await console.Admin.CallAsync(HttpMethod.Get, $"/api/git/sources/{id}/snapshots/latest/archive.tar.gz");
            response.EnsureSuccessStatusCode();
            await response.Content.ReadAsByteArrayAsync(Stop);
        };
        await Assert.ThrowsAsync<HttpRequestException>(answer);
    }

    // A tree as the sweeper reads it: all entries, sorted by the bytes of their paths.
    private static async Task<List<(ManifestEntry Entry, byte[]? Content)>> ReadTreeAsync(GitRepository repository, string sha)
    {
        var tree = new List<(ManifestEntry Entry, byte[]? Content)>();
        foreach (var line in (await repository.RunGitAsync("ls-tree", "-r", "-t", "-l", "-z", sha)).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split('\t')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var content = words[1] == "blob" ? Encoding.Latin1.GetBytes(await repository.RunGitAsync("cat-file", "blob", words[2])) : null;
            long? size = words[3] == "-" ? null : long.Parse(words[3], CultureInfo.InvariantCulture);
            tree.Add((new ManifestEntry(line.Split('\t', 2)[1], words[0].TrimStart('0'), words[2], size), content));
        }

        return [.. tree.OrderBy(t => t.Entry.Path, StringComparer.Ordinal)];
    }

    private static byte[] Unzip(byte[] archive)
    {
        using var unzipped = new MemoryStream();
        using (var zipped = new GZipStream(new MemoryStream(archive), CompressionMode.Decompress))
            zipped.CopyTo(unzipped);
        return unzipped.ToArray();
    }

    private static List<string> NamesIn(byte[] archive)
    {
        using var reader = new TarReader(new MemoryStream(Unzip(archive)));
        var names = new List<string>();
        while (reader.GetNextEntry() is { } entry)
        {
            if (entry.EntryType != TarEntryType.GlobalExtendedAttributes)
                names.Add(entry.Name);
        }

        return names;
    }
}
