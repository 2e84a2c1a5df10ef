using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper.Tests;

/// <summary>A source that takes signed commits only.</summary>
public abstract class SignaturePolicySpecs(PostgresServer? postgres)
{
    private static readonly WakeupPolicy Quick = new() { FirstBackOff = TimeSpan.FromMilliseconds(400), PullForward = TimeSpan.FromMilliseconds(200) };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_unsigned_tip_is_a_failed_run_of_which_nothing_is_stored_and_a_signed_one_recovers()
    {
        using var key = await CommitKey.CreateAsync("ed25519", Token);
        using var other = await CommitKey.CreateAsync("ed25519", Token);
        await using var ampora = await Deployment.StartAsync(postgres, policy: Quick);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        var good = await key.SignTipAsync(repository);
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => source.AllowedSigners = key.AllowedAs("ada@example.org"));
        Assert.Equal((good, "succeeded"), ((await ampora.RunAsync("fleet", 1)).Sha, (await ampora.RunAsync("fleet", 1)).Outcome));

        var unsigned = await repository.CommitAsync(("file", "2"));
        await ampora.WebhookAsync("fleet");
        var missing = await ampora.RunAsync("fleet", 2);
        Assert.Equal(("failed", "signature_missing", unsigned), (missing.Outcome, missing.ErrorCode, missing.Sha));
        Assert.Equal(good, (await ampora.WakeupAsync("fleet")).TipSha);

        // Another failure in the same row of them only counts.
        var stranger = await other.SignTipAsync(repository);
        await Deployment.UntilAsync(async () => (await ampora.WakeupAsync("fleet")).ErrorCode == "signer_not_allowed", () => "the stranger's signature was not noticed");
        await AssertOnlyStoredAsync(ampora, good);

        var signed = await key.SignTipAsync(repository);
        var recovered = await ampora.RunAsync("fleet", 3);
        Assert.Equal(("succeeded", signed, good, 1), (recovered.Outcome, recovered.Sha, recovered.PreviousSha, recovered.Modified));
        await AssertOnlyStoredAsync(ampora, good, signed);
        Assert.NotEqual(stranger, signed);
    }

    [Fact]
    public async Task A_policy_that_is_set_later_verifies_the_tip_that_is_there()
    {
        using var key = await CommitKey.CreateAsync("ed25519", Token);
        using var other = await CommitKey.CreateAsync("ed25519", Token);
        await using var ampora = await Deployment.StartAsync(postgres, policy: Quick);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        var sha = await key.SignTipAsync(repository);
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);

        // Good under the new policy: no run, and verified once.
        await ampora.ChangeAsync("fleet", source => source.AllowedSigners = key.AllowedAs("ada@example.org"));
        await ampora.QuietAsync();
        var row = await ampora.WakeupAsync("fleet");
        Assert.Equal((sha, row.Config, 0), (row.TipSha, row.TipConfig, row.SkippedTotal));
        Assert.NotNull(await ampora.Snapshots.ReadManifestAsync("fleet", row.Config, sha, staged: false, Token));
        Assert.Single(await ampora.RunsAsync("fleet"));
        var fetches = repository.Count(GitRequestKind.Fetch);
        await ampora.WebhookAsync("fleet");
        await ampora.QuietAsync();
        Assert.Equal(fetches, repository.Count(GitRequestKind.Fetch));

        // Bad under the next one: the last good snapshot stays, and it recovers when the policy allows the signer again.
        await ampora.ChangeAsync("fleet", source => source.AllowedSigners = other.AllowedAs("grace@example.org"));
        var failed = await ampora.RunAsync("fleet", 2);
        Assert.Equal(("failed", "signer_not_allowed", sha), (failed.Outcome, failed.ErrorCode, failed.Sha));
        var kept = await ampora.WakeupAsync("fleet");
        Assert.Equal((sha, row.TipConfig), (kept.TipSha, kept.TipConfig));
        Assert.NotNull(await ampora.Snapshots.ReadManifestAsync("fleet", kept.TipConfig!.Value, sha, staged: false, Token));

        await ampora.ChangeAsync("fleet", source => source.AllowedSigners += key.AllowedAs("ada@example.org"));
        var recovered = await ampora.RunAsync("fleet", 3);
        Assert.Equal(("succeeded", sha), (recovered.Outcome, recovered.Sha));
    }

    [Fact]
    public async Task Without_a_policy_any_more_an_unsigned_tip_is_taken()
    {
        using var key = await CommitKey.CreateAsync("ed25519", Token);
        await using var ampora = await Deployment.StartAsync(postgres, policy: Quick);
        var repository = ampora.Git.CreateRepository();
        var sha = await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => source.AllowedSigners = key.AllowedAs("ada@example.org"));
        Assert.Equal("signature_missing", (await ampora.RunAsync("fleet", 1)).ErrorCode);

        await ampora.ChangeAsync("fleet", source => source.AllowedSigners = null);
        Assert.Equal(("succeeded", sha), ((await ampora.RunAsync("fleet", 2)).Outcome, (await ampora.RunAsync("fleet", 2)).Sha));
    }

    [Fact]
    public async Task The_commit_of_an_annotated_tag_is_what_is_verified()
    {
        using var key = await CommitKey.CreateAsync("ed25519", Token);
        await using var ampora = await Deployment.StartAsync(postgres, policy: Quick);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        var sha = await key.SignTipAsync(repository);
        await repository.TagAsync("v1", sha);
        await ampora.CreateSourceAsync("fleet", repository.Url, "refs/tags/v1", configure: source => source.AllowedSigners = key.AllowedAs("ada@example.org"));

        Assert.Equal(("succeeded", sha), ((await ampora.RunAsync("fleet", 1)).Outcome, (await ampora.RunAsync("fleet", 1)).Sha));
    }

    private static async Task AssertOnlyStoredAsync(Deployment ampora, params string[] shas)
    {
        await using var context = ampora.Database.Read();
        Assert.Equal(shas.Order(StringComparer.Ordinal), (await context.Snapshots.Select(s => s.Sha).ToListAsync(Token)).Order(StringComparer.Ordinal));
        // One file of one content for each commit.
        Assert.Equal(shas.Length, await context.Blobs.CountAsync(Token));
    }
}

public sealed class SignaturePolicySpecsOnSqlite() : SignaturePolicySpecs(null);

public sealed class SignaturePolicySpecsOnPostgres(PostgresServer postgres) : SignaturePolicySpecs(postgres);
