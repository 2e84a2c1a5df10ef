using System.Text;
using Ampora.TestServers;
using Ampora.Wakeups;

namespace Ampora.Sweeper.Tests;

/// <summary>What a source may follow, and what becomes of it when the repository changes under it.</summary>
public sealed class SourceKindSpecs
{
    // The design's proportions in a fraction of its times.
    private static readonly WakeupPolicy Quick = new() { FirstBackOff = TimeSpan.FromMilliseconds(400), PullForward = TimeSpan.FromMilliseconds(200) };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_kind_of_ref_is_followed_to_its_commit_and_the_source_says_what_it_is()
    {
        await using var ampora = await Deployment.StartAsync();
        var repository = ampora.Git.CreateRepository();
        var old = await repository.CommitAsync(("file", "1"));
        var tip = await repository.CommitAsync(("file", "2"));
        await repository.TagAsync("v1.2.0", old);
        await repository.TagAsync("v1.10.0", tip);
        await repository.TagAsync("v1.11.0-rc.1", old);
        (string Ref, string Sha, string Resolved)[] kinds =
        [
            ("main", tip, "refs/heads/main"), ("refs/heads/main", tip, "refs/heads/main"), ("v1.2.0", old, "refs/tags/v1.2.0"), ("refs/tags/v1.10.0", tip, "refs/tags/v1.10.0"),
            ("tags/v1.*", tip, "refs/tags/v1.10.0"), ("tags/v1.11.0-*", old, "refs/tags/v1.11.0-rc.1"), ("HEAD", tip, "refs/heads/main"), (old, old, old),
        ];
        for (var i = 0; i < kinds.Length; i++)
            await ampora.CreateSourceAsync($"kind-{i}", repository.Url, kinds[i].Ref);

        for (var i = 0; i < kinds.Length; i++)
        {
            var run = await ampora.RunAsync($"kind-{i}", 1);
            var row = await ampora.WakeupAsync($"kind-{i}");
            Assert.Equal(("succeeded", kinds[i].Sha, kinds[i].Sha, kinds[i].Resolved), (run.Outcome, run.Sha, row.TipSha, row.TipRef));
        }
    }

    [Fact]
    public async Task A_commit_is_asked_for_once_and_one_that_the_host_does_not_have_is_a_failed_run()
    {
        await using var ampora = await Deployment.StartAsync();
        var repository = ampora.Git.CreateRepository();
        var old = await repository.CommitAsync(("file", "1"));
        await repository.CommitAsync(("file", "2"));
        await ampora.CreateSourceAsync("pinned", repository.Url, old);
        Assert.Equal(old, (await ampora.RunAsync("pinned", 1)).Sha);
        await ampora.QuietAsync();

        repository.ForgetRequests();
        await ampora.WebhookAsync("pinned");
        await ampora.QuietAsync();
        Assert.Empty(repository.Requests);
        Assert.Single(await ampora.RunsAsync("pinned"));

        await ampora.CreateSourceAsync("missing", repository.Url, new string('7', 40));
        Assert.Equal("ref_not_found", (await ampora.RunAsync("missing", 1)).ErrorCode);
    }

    [Fact]
    public async Task An_empty_repository_is_a_failed_run_until_its_first_push()
    {
        await using var ampora = await Deployment.StartAsync(policy: Quick);
        var repository = ampora.Git.CreateRepository();
        await ampora.CreateSourceAsync("fleet", repository.Url, "HEAD");
        var empty = await ampora.RunAsync("fleet", 1);
        Assert.Equal(("failed", "empty_repository"), (empty.Outcome, empty.ErrorCode));

        var sha = await repository.CommitAsync(("file", "1"));
        var first = await ampora.RunAsync("fleet", 2);
        Assert.Equal(("succeeded", sha, null), (first.Outcome, first.Sha, first.PreviousSha));
        Assert.InRange(first.RecoveredAfterFailures, 1, 100);
    }

    [Fact]
    public async Task A_deleted_branch_is_a_failed_run_that_keeps_the_last_tip_and_its_return_is_found()
    {
        await using var ampora = await Deployment.StartAsync(policy: Quick);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        var sha = await repository.CommitAsync([new GitFile("file", "2"u8.ToArray())], branch: "release", parent: await repository.TipAsync());
        await ampora.CreateSourceAsync("fleet", repository.Url, "release");
        await ampora.RunAsync("fleet", 1);

        await repository.DeleteRefAsync("refs/heads/release");
        await ampora.WebhookAsync("fleet");
        var failed = await ampora.RunAsync("fleet", 2);
        Assert.Equal(("failed", "ref_not_found"), (failed.Outcome, failed.ErrorCode));
        Assert.Contains("refs/heads/main", failed.ErrorRemedy, StringComparison.Ordinal);
        Assert.Equal(sha, (await ampora.WakeupAsync("fleet")).TipSha);
        Assert.NotNull(await ampora.Snapshots.ReadManifestAsync("fleet", 1, sha, staged: false, Token));

        await repository.ForcePushAsync(sha, "release");
        var back = await ampora.RunAsync("fleet", 3);
        Assert.Equal(("succeeded", sha, true), (back.Outcome, back.Sha, back.Reused));
    }

    [Theory]
    [InlineData("refs/heads/release", "refs/tags/release")]
    [InlineData("refs/tags/release", "refs/heads/release")]
    public async Task A_short_name_that_becomes_another_kind_of_ref_is_a_failed_run_until_the_full_name_is_given(string was, string becomes)
    {
        await using var ampora = await Deployment.StartAsync(policy: Quick);
        var repository = ampora.Git.CreateRepository();
        var before = await repository.CommitAsync(("file", "1"));
        var after = await repository.CommitAsync(("file", "2"));
        await repository.RunGitAsync("update-ref", was, before);
        await ampora.CreateSourceAsync("fleet", repository.Url, "release");
        await ampora.RunAsync("fleet", 1);

        await repository.DeleteRefAsync(was);
        await repository.RunGitAsync("update-ref", becomes, after);
        await ampora.WebhookAsync("fleet");
        var failed = await ampora.RunAsync("fleet", 2);
        Assert.Equal(("failed", "ref_kind_changed", after), (failed.Outcome, failed.ErrorCode, failed.Sha));
        Assert.Contains(becomes, failed.ErrorRemedy, StringComparison.Ordinal);
        Assert.Equal(before, (await ampora.WakeupAsync("fleet")).TipSha);

        await ampora.ChangeAsync("fleet", source => source.Ref = becomes);
        var run = await ampora.RunAsync("fleet", 3);
        Assert.Equal(("succeeded", after, before), (run.Outcome, run.Sha, run.PreviousSha));
    }

    [Fact]
    public async Task HEAD_is_the_default_branch_also_when_that_is_another_one()
    {
        await using var ampora = await Deployment.StartAsync();
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, "HEAD");
        await ampora.RunAsync("fleet", 1);

        var trunk = await repository.CommitAsync([new GitFile("file", "2"u8.ToArray())], branch: "trunk", parent: await repository.TipAsync());
        await repository.RunGitAsync("symbolic-ref", "HEAD", "refs/heads/trunk");
        await ampora.WebhookAsync("fleet");

        var run = await ampora.RunAsync("fleet", 2);
        Assert.Equal((trunk, false), (run.Sha, run.Forced));
        Assert.Equal("refs/heads/trunk", (await ampora.WakeupAsync("fleet")).TipRef);
    }

    [Fact]
    public async Task A_higher_tag_is_followed_and_its_removal_goes_back()
    {
        await using var ampora = await Deployment.StartAsync();
        var repository = ampora.Git.CreateRepository();
        var first = await repository.CommitAsync(("file", "1"));
        var second = await repository.CommitAsync(("file", "2"));
        await repository.TagAsync("v1.9.0", first);
        await ampora.CreateSourceAsync("fleet", repository.Url, "tags/v1.*");
        Assert.Equal(first, (await ampora.RunAsync("fleet", 1)).Sha);

        await repository.TagAsync("v1.10.0", second);
        await ampora.WebhookAsync("fleet");
        Assert.Equal(second, (await ampora.RunAsync("fleet", 2)).Sha);

        await repository.DeleteRefAsync("refs/tags/v1.10.0");
        await ampora.WebhookAsync("fleet");
        var back = await ampora.RunAsync("fleet", 3);
        Assert.Equal((first, second, true, true), (back.Sha, back.PreviousSha, back.Reused, back.Forced));
        Assert.Equal("refs/tags/v1.9.0", (await ampora.WakeupAsync("fleet")).TipRef);
    }

    [Fact]
    public async Task What_stands_for_something_elsewhere_is_stored_as_what_it_is()
    {
        await using var ampora = await Deployment.StartAsync();
        var repository = ampora.Git.CreateRepository();
        var pointer = Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{new string('a', 64)}\nsize 12345\n");
        await repository.CommitAsync(
        [
            new GitFile("large.bin", pointer),
            new GitFile(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"u8.ToArray()),
            new GitFile(".gitmodules", "[submodule \"m\"]\n\tpath = modules/m\n\turl = https://git.example/m.git\n"u8.ToArray()),
            new GitFile("modules/m", Encoding.ASCII.GetBytes(new string('7', 40)), "160000"),
            new GitFile("link", "../../etc/passwd"u8.ToArray(), "120000"),
        ]);
        repository.ForgetRequests();
        await ampora.CreateSourceAsync("fleet", repository.Url);

        var run = await ampora.RunAsync("fleet", 1);

        var entries = (await ampora.Snapshots.ReadManifestAsync("fleet", 1, run.Sha!, staged: false, Token))!.Entries;
        Assert.Equal((5, "160000", (long?)null), (run.Added, entries.Single(e => e.Path == "modules/m").Mode, entries.Single(e => e.Path == "modules/m").Size));
        Assert.Equal("../../etc/passwd"u8.ToArray(), await ContentAsync(ampora, entries, "link"));
        Assert.Equal(pointer, await ContentAsync(ampora, entries, "large.bin"));
        Assert.DoesNotContain(repository.Requests, request => request.Path.Contains("lfs", StringComparison.OrdinalIgnoreCase));
    }

    private static async Task<byte[]> ContentAsync(Deployment ampora, IReadOnlyList<Store.Snapshots.ManifestEntry> entries, string path)
    {
        await using var stream = await ampora.Snapshots.OpenBlobAsync("fleet", entries.Single(e => e.Path == path).ObjectId, Token);
        using var content = new MemoryStream();
        await stream!.CopyToAsync(content, Token);
        return content.ToArray();
    }
}
