using System.Text;
using Ampora.Store.Snapshots;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper.Tests;

public abstract class SnapshotSpecs(PostgresServer? postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_snapshot_is_the_commit_byte_for_byte_modes_included()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        var large = new byte[700_000];
        new Random(1).NextBytes(large);
        await repository.CommitAsync(
        [
            new GitFile("README.md", "Hello\n"u8.ToArray()),
            new GitFile("empty", []),
            new GitFile("bin/run", "#!/bin/sh\n"u8.ToArray(), "100755"),
            new GitFile("bin/same-as-readme", "Hello\n"u8.ToArray()),
            new GitFile("deep/er/and/deeper/file.yaml", "a: 1\n"u8.ToArray()),
            new GitFile("link", "/etc/passwd"u8.ToArray(), "120000"),
            new GitFile("vendor/module", Encoding.ASCII.GetBytes(new string('7', 40)), "160000"),
            new GitFile("large.bin", large),
            new GitFile("crlf.txt", "a\r\nb\r\n"u8.ToArray()),
            new GitFile("grüße/✓ \"quoted\"", "x"u8.ToArray()),
            new GitFile("page.html", "<script>alert(1)</script>"u8.ToArray()),
        ]);
        await ampora.CreateSourceAsync("fleet", repository.Url);

        var first = await ampora.RunAsync("fleet", 1);
        await AssertSnapshotAsync(ampora, repository, first.Sha!);
        Assert.Equal(("initial", "succeeded", null, 11, 0, 0), (first.Trigger, first.Outcome, first.PreviousSha, first.Added, first.Modified, first.Removed));
        Assert.Contains("grüße/✓", first.ChangesJson.Replace("\\u00FC", "ü", StringComparison.Ordinal).Replace("\\u00DF", "ß", StringComparison.Ordinal)
            .Replace("\\u2713", "✓", StringComparison.Ordinal), StringComparison.Ordinal);

        await repository.CommitAsync(("bin/run", null), ("deep/er/new", "1"), ("README.md", "Hello again\n"));
        await ampora.WebhookAsync("fleet");

        var second = await ampora.RunAsync("fleet", 2);
        await AssertSnapshotAsync(ampora, repository, second.Sha!);
        Assert.Equal(("webhook", first.Sha, 1, 1, 1), (second.Trigger, second.PreviousSha, second.Added, second.Modified, second.Removed));
        Assert.False(second.Forced || second.Reused || second.ChangesTruncated);
    }

    [Fact]
    public async Task A_repository_of_SHA_256_is_stored_as_any_other()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository("modern", "sha256");
        await repository.CommitAsync(("a/file", "1"));
        await ampora.CreateSourceAsync("modern", repository.Url);

        var run = await ampora.RunAsync("modern", 1);
        Assert.Equal(64, run.Sha!.Length);
        await AssertSnapshotAsync(ampora, repository, run.Sha);
    }

    [Fact]
    public async Task A_tip_that_comes_back_is_a_run_of_its_own_forced_and_without_another_fetch()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        var a = await repository.CommitAsync(("file", "a"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        var b = await repository.CommitAsync(("file", "b"), ("other", "b"));
        await ampora.WebhookAsync("fleet");
        await ampora.RunAsync("fleet", 2);
        var fetches = repository.Count(GitRequestKind.Fetch);

        await repository.ForcePushAsync(a);
        await ampora.WebhookAsync("fleet");
        var back = await ampora.RunAsync("fleet", 3);
        Assert.Equal((a, b, true, true), (back.Sha, back.PreviousSha, back.Forced, back.Reused));
        Assert.Equal((0, 1, 1), (back.Added, back.Modified, back.Removed));

        await repository.ForcePushAsync(b);
        await ampora.WebhookAsync("fleet");
        var again = await ampora.RunAsync("fleet", 4);
        Assert.Equal((b, a, false, true), (again.Sha, again.PreviousSha, again.Forced, again.Reused));

        Assert.Equal(fetches, repository.Count(GitRequestKind.Fetch));
        await using var context = ampora.Database.Read();
        Assert.Equal(2, await context.Sweeps.CountAsync(Token));
        Assert.Equal(2, await context.Snapshots.CountAsync(s => s.Visible, Token));
        Assert.Equal(2, await context.Blobs.CountAsync(Token));
    }

    [Fact]
    public async Task A_push_of_several_commits_is_no_forced_one_and_a_rewritten_history_is()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        var root = await repository.CommitAsync(("file", "0"));
        await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);

        for (var i = 2; i < 6; i++)
            await repository.CommitAsync(("file", $"{i}"));
        await ampora.WebhookAsync("fleet");
        Assert.False((await ampora.RunAsync("fleet", 2)).Forced);

        await repository.CommitAsync([new GitFile("file", "other"u8.ToArray())], parent: root);
        await ampora.WebhookAsync("fleet");
        Assert.True((await ampora.RunAsync("fleet", 3)).Forced);
    }

    [Fact]
    public async Task A_kept_tree_that_is_removed_before_it_becomes_the_tip_again_is_fetched_again()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        var root = await repository.CommitAsync(("file", "0"));
        var a = await repository.CommitAsync(("file", "a"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        await repository.CommitAsync([new GitFile("file", "b"u8.ToArray())], parent: root);
        await ampora.WebhookAsync("fleet");
        await ampora.RunAsync("fleet", 2);

        await repository.ForcePushAsync(a);
        // The tree was found; now the host is asked for the ancestors.
        using (var gate = repository.Hold(GitRequestKind.Fetch))
        {
            await ampora.WebhookAsync("fleet");
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Token);
            await ampora.Database.WriteAsync((context, token) => context.Snapshots.Where(s => s.Sha == a).ExecuteDeleteAsync(token), Token);
        }

        var run = await ampora.RunAsync("fleet", 3);
        Assert.Equal((a, false, "succeeded"), (run.Sha, run.Reused, run.Outcome));
        await AssertSnapshotAsync(ampora, repository, a);
    }

    private static async Task AssertSnapshotAsync(Deployment ampora, GitRepository repository, string sha)
    {
        var manifest = await ampora.Snapshots.ReadManifestAsync("fleet", 1, sha, staged: false, Token)
            ?? await ampora.Snapshots.ReadManifestAsync("modern", 1, sha, staged: false, Token);
        Assert.NotNull(manifest);
        // -t: with the directories. -z: names as they are.
        var listing = await repository.RunGitAsync("ls-tree", "-r", "-t", "-z", "--full-tree", sha);
        var expected = listing.TrimEnd('\0').Split('\0').Select(Line).OrderBy(e => e.Path, StringComparer.Ordinal);
        Assert.Equal(expected, manifest.Entries.Select(e => (e.Path, Mode: e.Mode.PadLeft(6, '0'), e.ObjectId)));

        foreach (var entry in manifest.Entries.Where(e => e is { IsDirectory: false, IsSubmodule: false }))
        {
            var content = Encoding.Latin1.GetBytes(await repository.RunGitAsync("cat-file", "blob", entry.ObjectId));
            Assert.Equal(content.Length, entry.Size);
            Assert.Equal(content, await ReadAsync(ampora.Snapshots, sha.Length == 64 ? "modern" : "fleet", entry.ObjectId));
        }
    }

    private static (string Path, string Mode, string ObjectId) Line(string line)
    {
        var tab = line.IndexOf('\t', StringComparison.Ordinal);
        var head = line[..tab].Split(' ');
        return (line[(tab + 1)..], head[0], head[2]);
    }

    private static async Task<byte[]> ReadAsync(SnapshotStore snapshots, string sourceId, string objectId)
    {
        await using var stream = await snapshots.OpenBlobAsync(sourceId, objectId, Token);
        Assert.NotNull(stream);
        using var copy = new MemoryStream();
        await stream.CopyToAsync(copy, Token);
        return copy.ToArray();
    }
}

public sealed class SnapshotSpecsOnSqlite() : SnapshotSpecs(null);

public sealed class SnapshotSpecsOnPostgres(PostgresServer postgres) : SnapshotSpecs(postgres);
