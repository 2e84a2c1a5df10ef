using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper.Tests;

/// <summary>A push makes a run only when it changes a path that the source includes.</summary>
public abstract class FilterSpecs(PostgresServer? postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_push_beside_the_included_paths_is_skipped_and_the_next_one_among_them_is_a_run_that_lists_them_alone()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("deploy/a.yaml", "1"), ("deploy/README.md", "1"), ("docs/intro", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => (source.Include, source.Exclude) = ("/deploy/\n", "*.md\n"));
        var first = await ampora.RunAsync("fleet", 1);
        Assert.Equal((1, 0, 0), (first.Added, first.Modified, first.Removed));
        Assert.Contains("deploy/a.yaml", first.ChangesJson, StringComparison.Ordinal);
        Assert.DoesNotContain("intro", first.ChangesJson, StringComparison.Ordinal);

        var skipped = await repository.CommitAsync(("docs/intro", "2"), ("deploy/README.md", "2"));
        await ampora.WebhookAsync("fleet");
        await ampora.QuietAsync();
        Assert.Single(await ampora.RunsAsync("fleet"));
        var row = await ampora.WakeupAsync("fleet");
        Assert.Equal((skipped, skipped, first.Sha, 1), (row.TipSha, row.SkippedSha, row.SkippedPreviousSha, row.SkippedTotal));
        Assert.NotNull(row.SkippedAt);
        Assert.NotNull(await ampora.Snapshots.ReadManifestAsync("fleet", 1, skipped, staged: false, Token));
        await using (var context = ampora.Database.Read())
            Assert.Equal(["unchanged"], await context.Deliveries.Select(d => d.Result).ToListAsync(Token));

        var sha = await repository.CommitAsync(("docs/intro", "3"), ("deploy/a.yaml", "2"), ("deploy/b.yaml", "1"));
        await ampora.WebhookAsync("fleet");
        var run = await ampora.RunAsync("fleet", 2);
        Assert.Equal((sha, skipped, 1, 1, 0, false), (run.Sha, run.PreviousSha, run.Added, run.Modified, run.Removed, run.Forced));
        Assert.DoesNotContain("intro", run.ChangesJson, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tip_that_goes_back_and_forth_beside_the_included_paths_is_skipped_each_time_without_a_fetch()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        var a = await repository.CommitAsync(("deploy/a", "1"), ("docs/b", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => source.Include = "deploy");
        await ampora.RunAsync("fleet", 1);
        var b = await repository.CommitAsync(("docs/b", "2"));
        await ampora.WebhookAsync("fleet");
        await ampora.QuietAsync();
        var fetches = repository.Count(GitRequestKind.Fetch);

        foreach (var sha in (string[])[a, b, a])
        {
            await repository.ForcePushAsync(sha);
            await ampora.WebhookAsync("fleet");
            await ampora.QuietAsync();
            Assert.Equal(sha, (await ampora.WakeupAsync("fleet")).TipSha);
        }

        Assert.Equal(fetches, repository.Count(GitRequestKind.Fetch));
        Assert.Equal(4, (await ampora.WakeupAsync("fleet")).SkippedTotal);
        Assert.Single(await ampora.RunsAsync("fleet"));
    }

    [Fact]
    public async Task The_first_run_and_a_recovery_are_runs_though_no_included_path_is_there()
    {
        var policy = new WakeupPolicy { FirstBackOff = TimeSpan.FromMilliseconds(400), PullForward = TimeSpan.FromMilliseconds(200) };
        await using var ampora = await Deployment.StartAsync(postgres, policy: policy);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("docs/a", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => source.Include = "deploy");
        Assert.Equal((0, "succeeded"), ((await ampora.RunAsync("fleet", 1)).Added, (await ampora.RunAsync("fleet", 1)).Outcome));

        repository.FailWith = 503;
        await repository.CommitAsync(("docs/a", "2"));
        await ampora.WebhookAsync("fleet");
        Assert.Equal("failed", (await ampora.RunAsync("fleet", 2)).Outcome);
        repository.FailWith = null;
        var recovered = await ampora.RunAsync("fleet", 3);
        Assert.Equal(("succeeded", 0), (recovered.Outcome, recovered.Modified));
        Assert.InRange(recovered.RecoveredAfterFailures, 1, 100);
    }

    [Fact]
    public async Task Another_filter_counts_from_the_next_push_on()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("deploy/a", "1"), ("docs/b", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => source.Include = "deploy");
        await ampora.RunAsync("fleet", 1);

        await ampora.ChangeAsync("fleet", source => source.Include = "docs");
        await ampora.QuietAsync();
        Assert.Single(await ampora.RunsAsync("fleet"));

        await repository.CommitAsync(("deploy/a", "2"));
        await ampora.WebhookAsync("fleet");
        await ampora.QuietAsync();
        Assert.Single(await ampora.RunsAsync("fleet"));

        await repository.CommitAsync(("docs/b", "2"));
        await ampora.WebhookAsync("fleet");
        Assert.Equal(1, (await ampora.RunAsync("fleet", 2)).Modified);
    }

    [Fact]
    public async Task A_filter_that_cannot_be_read_is_a_failed_run()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("a", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url, configure: source => source.Exclude = "a\\");

        Assert.Equal("invalid_filter", (await ampora.RunAsync("fleet", 1)).ErrorCode);
    }
}

public sealed class FilterSpecsOnSqlite() : FilterSpecs(null);

public sealed class FilterSpecsOnPostgres(PostgresServer postgres) : FilterSpecs(postgres);
