using System.Net;
using System.Text;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>What was pushed is what is served, byte for byte.</summary>
public abstract class SnapshotSpecs(Deployment deployment)
{
    [Fact]
    public async Task A_snapshot_equals_what_git_lists_and_shows()
    {
        var repository = deployment.Git.CreateRepository($"bytes-{Guid.NewGuid():n}"[..20]);
        var binary = new byte[300_000];
        for (var i = 0; i < binary.Length; i++)
            binary[i] = (byte)((i * 2654435761) >> 13);
        await repository.CommitAsync(
        [
            new GitFile("empty", []),
            new GitFile("bin/data", binary),
            new GitFile("bin/run.sh", Encoding.UTF8.GetBytes("#!/bin/sh\necho hi\n"), "100755"),
            new GitFile("link", Encoding.UTF8.GetBytes("bin/run.sh"), "120000"),
            new GitFile("vendor/module", Encoding.UTF8.GetBytes(new string('a', 40)), "160000"),
            new GitFile("dir with space/ünïcode – ファイル.txt", Encoding.UTF8.GetBytes("text\r\n")),
            new GitFile("x.html", Encoding.UTF8.GetBytes("<script>alert(1)</script>")),
        ]);
        var source = await deployment.WatchAsync(repository: repository);

        // Git's output comes byte for byte, one char each; names in it are UTF-8.
        var listing = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(await repository.RunGitAsync("-c", "core.quotePath=false", "ls-tree", "-r", "main")));
        var listed = listing
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).Select(parts => (parts[0].Split(' ')[0], parts[0].Split(' ')[2], parts[1])).ToList();
        var manifest = await deployment.GetAsync($"/api/git/sources/{source.Id}/snapshots/latest");
        var files = manifest["files"]!.AsArray().Select(f => (f!["mode"]!.GetValue<string>(), f["objectId"]!.GetValue<string>(), f["path"]!.GetValue<string>())).ToList();
        Assert.Equal(listed.Order(), files.Order());

        foreach (var (mode, objectId, path) in listed.Where(f => f.Item1 != "160000"))
        {
            var url = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
            using var response = await deployment.Api.GetAsync($"/api/git/sources/{source.Id}/snapshots/latest/files/{url}", Deployment.Token);
            var content = await response.Content.ReadAsByteArrayAsync(Deployment.Token);
            Assert.True(response.IsSuccessStatusCode, $"{mode} {path}: {(int)response.StatusCode} {Encoding.UTF8.GetString(content)}");
            var hashed = await GitProgram.RunAsync(repository.FolderPath, ["hash-object", "--stdin"], content, Deployment.Token);
            Assert.Equal(objectId, hashed.Trim());
        }
    }

    [Fact]
    public async Task A_committed_page_is_served_as_an_attachment_that_no_browser_runs()
    {
        var source = await deployment.WatchAsync();
        var sha = await source.Repository.CommitAsync(("x.html", "<script>alert(1)</script>"));
        await source.WakeAsync();
        await source.WaitForRunAsync(sha);
        using var response = await deployment.Api.GetAsync($"/api/git/sources/{source.Id}/snapshots/{sha}/files/x.html", Deployment.Token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("attachment", response.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.Contains("sandbox", Assert.Single(response.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }
}
