using Ampora.Git.Credentials;
using Ampora.TestServers;
using Ampora.Wakeups;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Sweeper.Tests;

public abstract class CheckSpecs(PostgresServer? postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_webhooks_after_one_push_are_one_run_and_one_fetch()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        await ampora.QuietAsync();
        repository.ForgetRequests();

        var sha = await repository.CommitAsync(("file", "2"));
        for (var i = 0; i < 20; i++)
            await ampora.WebhookAsync([.. Enumerable.Repeat("fleet", 50)]);

        await ampora.QuietAsync();
        var run = await ampora.RunAsync("fleet", 2);
        Assert.Equal((sha, "webhook"), (run.Sha, run.Trigger));
        Assert.Equal(1, repository.Count(GitRequestKind.Fetch));
        await using var context = ampora.Database.Read();
        Assert.Equal(2, await context.Sweeps.CountAsync(Token));
        Assert.Equal(0, await context.Deliveries.CountAsync(d => d.Result == "pending", Token));
    }

    [Fact]
    public async Task A_flood_without_a_push_costs_four_tip_checks_a_second_and_makes_no_run()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        await ampora.QuietAsync();
        repository.ForgetRequests();

        var started = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(2))
            await ampora.WebhookAsync([.. Enumerable.Repeat("fleet", 20)]);
        await ampora.QuietAsync();

        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        Assert.InRange(repository.Count(GitRequestKind.LsRefs), 2, (4 * seconds) + 2);
        Assert.Single(await ampora.RunsAsync("fleet"));
    }

    [Fact]
    public async Task A_push_that_lands_while_a_check_is_held_is_swept_next()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "0"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        await ampora.QuietAsync();

        var first = await repository.CommitAsync(("file", "1"));
        // Between tip and finish: the tip is read, the fetch does not begin.
        using (var gate = repository.Hold(GitRequestKind.Fetch))
        {
            await ampora.WebhookAsync("fleet");
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Token);
            await repository.CommitAsync(("file", "2"));
            await ampora.WebhookAsync("fleet");
        }

        var last = await ampora.RunAsync("fleet", 3);
        var runs = await ampora.RunsAsync("fleet");
        Assert.Equal((first, await repository.TipAsync()), (runs[1].Sha, last.Sha));
        Assert.Equal(("webhook", first, false), (last.Trigger, last.PreviousSha, last.Forced));
    }

    [Fact]
    public async Task When_the_URL_changes_while_a_check_is_held_nothing_of_the_old_repository_becomes_the_tip()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var (old, other) = (ampora.Git.CreateRepository("old"), ampora.Git.CreateRepository("other"));
        var oldSha = await old.CommitAsync(("file", "old"));
        var newSha = await other.CommitAsync(("file", "new"));
        using (var gate = old.Hold(GitRequestKind.Fetch))
        {
            await ampora.CreateSourceAsync("fleet", old.Url);
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Token);
            await ampora.ChangeUrlAsync("fleet", other.Url);
        }

        var run = await ampora.RunAsync("fleet", 1);
        await ampora.QuietAsync();
        Assert.Equal((newSha, null, "succeeded"), (run.Sha, run.PreviousSha, run.Outcome));
        Assert.Equal(newSha, (await ampora.WakeupAsync("fleet")).TipSha);
        await using var context = ampora.Database.Read();
        Assert.DoesNotContain(await context.Sweeps.ToListAsync(Token), s => s.Sha == oldSha);
        Assert.DoesNotContain(await context.Snapshots.ToListAsync(Token), s => s.Sha == oldSha && s.Visible);
    }

    [Fact]
    public async Task After_a_change_of_URL_the_previous_tip_is_still_what_the_next_is_compared_with()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var (old, other) = (ampora.Git.CreateRepository("old"), ampora.Git.CreateRepository("other"));
        var oldSha = await old.CommitAsync(("both", "same"), ("gone", "1"));
        await other.CommitAsync(("both", "same"), ("come", "1"));
        await ampora.CreateSourceAsync("fleet", old.Url);
        await ampora.RunAsync("fleet", 1);

        await ampora.ChangeUrlAsync("fleet", other.Url);
        var run = await ampora.RunAsync("fleet", 2);
        Assert.Equal((oldSha, 1, 0, 1, true, "manual"), (run.PreviousSha, run.Added, run.Modified, run.Removed, run.Forced, run.Trigger));
    }

    [Fact]
    public async Task A_host_that_fails_and_recovers_is_one_failed_run_and_one_recovery_and_is_never_hurried()
    {
        // The design's proportions at a fifth of its times.
        var policy = new WakeupPolicy { FirstBackOff = TimeSpan.FromSeconds(1.6), PullForward = TimeSpan.FromSeconds(1) };
        await using var ampora = await Deployment.StartAsync(postgres, policy: policy);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        await ampora.QuietAsync();

        repository.FailWith = 503;
        var attempts = new List<DateTimeOffset>();
        var failures = 0;
        await Deployment.UntilAsync(
            async () =>
            {
                await ampora.WebhookAsync("fleet");
                var row = await ampora.WakeupAsync("fleet");
                if (row.Failures > 0 && (attempts.Count == 0 || row.LastCheckedAt > attempts[^1]))
                    attempts.Add(row.LastCheckedAt!.Value);
                if (row.Failures >= 3)
                    repository.FailWith = null;
                failures = Math.Max(failures, row.Failures);
                return failures >= 3 && row.Failures == 0;
            },
            () => "the source did not recover");

        await ampora.QuietAsync();
        var runs = await ampora.RunsAsync("fleet");
        Assert.Equal(["succeeded", "failed", "succeeded"], runs.Select(r => r.Outcome));
        Assert.Equal((failures, true, 0), (runs[2].RecoveredAfterFailures, runs[2].Reused, runs[2].Modified));
        Assert.Equal("host_error", runs[1].ErrorCode);
        Assert.NotEmpty(runs[1].ErrorRemedy!);
        Assert.True(attempts.Count >= 3);
        Assert.All(attempts.Zip(attempts.Skip(1)), pair => Assert.True(pair.Second - pair.First >= policy.PullForward, $"{pair.Second - pair.First}"));
    }

    [Fact]
    public async Task A_credential_is_shown_to_its_own_host_and_to_no_other()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        repository.RequireBasic("ada", "s3cret-pässword");
        await ampora.CreateSourceAsync("fleet", repository.Url, credential: new GitCredential.Basic("ada", "s3cret-pässword"));
        Assert.Equal("succeeded", (await ampora.RunAsync("fleet", 1)).Outcome);

        repository.ForgetRequests();
        await ampora.CreateSourceAsync("moved", repository.Url, credential: new GitCredential.Basic("ada", "s3cret-pässword"), authority: "https://elsewhere.example");
        var run = await ampora.RunAsync("moved", 1);
        Assert.Equal(("failed", "credential_host_mismatch"), (run.Outcome, run.ErrorCode));
        Assert.Empty(repository.Requests);
    }

    [Fact]
    public async Task A_sweeper_that_dies_with_a_claim_is_followed_by_another_when_its_lease_ends()
    {
        var policy = new WakeupPolicy { Lease = TimeSpan.FromSeconds(2), RenewEvery = TimeSpan.FromMilliseconds(500) };
        await using var ampora = await Deployment.StartAsync(postgres, policy: policy);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await ampora.RunAsync("fleet", 1);
        await ampora.QuietAsync();

        // A claim that nobody renews: what a killed process leaves behind.
        var store = ampora.First.Services.GetRequiredService<IWakeupStore>();
        var sha = await repository.CommitAsync(("file", "2"));
        await Task.Delay(policy.QuietPeriod * 2, Token);
        var version = (await ampora.WakeupAsync("fleet")).SecretVersion;
        await ampora.Protocol.AskAsync(
            [new WebhookAsk("fleet", version, new Delivery("dlv_1", TimeProvider.System.GetUtcNow(), "token", null, null, "current"))], Token);
        var dead = (await store.ClaimAsync("fleet", "dead", Token)).Claim;
        Assert.NotNull(dead);

        var run = await ampora.RunAsync("fleet", 2);
        await ampora.QuietAsync();
        Assert.Equal((sha, "webhook"), (run.Sha, run.Trigger));
        Assert.False(await store.RenewAsync(dead, Token));
        Assert.Equal(2, (await ampora.RunsAsync("fleet")).Count);
    }

    [Fact]
    public async Task On_a_stop_the_claims_in_hand_are_given_back_at_once()
    {
        await using var ampora = await Deployment.StartAsync(postgres);
        var repository = ampora.Git.CreateRepository();
        await repository.CommitAsync(("file", "1"));
        using var gate = repository.Hold(GitRequestKind.Fetch);
        await ampora.CreateSourceAsync("fleet", repository.Url);
        await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Token);
        Assert.NotNull((await ampora.WakeupAsync("fleet")).LeaseUntil);

        var started = TimeProvider.System.GetTimestamp();
        await ampora.First.StopAsync(Token);
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
        var row = await ampora.WakeupAsync("fleet");
        Assert.True(row.LeaseUntil is null && row.Wanted > row.Done && row.Failures == 0);
        Assert.Empty(await ampora.RunsAsync());
    }

    [Fact]
    public async Task Twenty_sources_on_a_hung_host_hold_up_none_on_a_healthy_one()
    {
        // As nothing that hangs ends within the test, no healthy check can have waited for any of it.
        await using var ampora = await Deployment.StartAsync(postgres, tipDeadline: "00:05:00");
        await using var hung = await GitHttpServer.StartAsync();
        var healthy = Enumerable.Range(0, 20).Select(i => (Id: $"healthy-{i}", Repository: ampora.Git.CreateRepository($"healthy-{i}"))).ToArray();
        var ill = Enumerable.Range(0, 20).Select(i => (Id: $"ill-{i}", Repository: hung.CreateRepository($"ill-{i}"))).ToArray();
        foreach (var (_, repository) in healthy.Concat(ill))
            await repository.CommitAsync(("file", "1"));
        foreach (var (id, repository) in healthy.Concat(ill))
            await ampora.CreateSourceAsync(id, repository.Url);
        await ampora.QuietAsync();

        foreach (var (_, repository) in ill)
            repository.Hangs = true;
        foreach (var (_, repository) in healthy.Concat(ill))
            await repository.CommitAsync(("file", "2"));
        await ampora.WebhookAsync([.. ill.Select(s => s.Id)]);
        // Before the healthy ones are asked for, as many of the ill ones hang as may.
        await Deployment.UntilAsync(() => Task.FromResult(ill.Sum(s => s.Repository.Requests.Count) > 0), () => "the hung host was not asked");

        await ampora.WebhookAsync([.. healthy.Select(s => s.Id)]);
        foreach (var (id, _) in healthy)
            Assert.Equal("succeeded", (await ampora.RunAsync(id, 2)).Outcome);
        await using var context = ampora.Database.Read();
        Assert.InRange(await context.Wakeups.CountAsync(w => w.SourceId.StartsWith("ill") && w.LeaseUntil != null, Token), 0, new WakeupPolicy().MostChecksPerHost);
    }

    [Fact]
    public async Task More_hung_checks_than_there_are_consumers_still_leave_room_for_a_healthy_one()
    {
        // As nothing that hangs ends within the test, the healthy check cannot have waited for any of it.
        await using var ampora = await Deployment.StartAsync(postgres, tipDeadline: "00:05:00");
        // As many hosts as it takes, since one is never asked by more than eight at once.
        const int hosts = (SweeperLimits.ConsumersAtOnce / 8) + 1;
        var hung = new List<GitHttpServer>();
        var ill = new List<GitRepository>();
        for (var i = 0; i < hosts * 8; i++)
        {
            if (i % 8 == 0)
                hung.Add(await GitHttpServer.StartAsync());
            ill.Add(hung[^1].CreateRepository($"ill-{i}"));
            ill[^1].Hangs = true;
            await ampora.CreateSourceAsync($"ill-{i}", ill[^1].Url);
        }

        var healthy = ampora.Git.CreateRepository("healthy");
        await healthy.CommitAsync(("file", "1"));

        await Deployment.UntilAsync(
            () => Task.FromResult(ill.Sum(repository => repository.Requests.Count) >= SweeperLimits.ConsumersAtOnce), () => "the consumers are not all taken");
        await ampora.CreateSourceAsync("healthy", healthy.Url);
        Assert.Equal("succeeded", (await ampora.RunAsync("healthy", 1)).Outcome);
        Assert.Single(await ampora.RunsAsync());
        foreach (var server in hung)
            await server.DisposeAsync();
    }

    [Fact]
    public async Task Repositories_that_hang_hold_none_beside_them_on_their_host()
    {
        // As nothing that hangs ends within the test, the healthy checks cannot have waited for any of it.
        await using var ampora = await Deployment.StartAsync(postgres, tipDeadline: "00:05:00");
        var places = new WakeupPolicy().ChecksPerHost;
        var ill = Enumerable.Range(0, places).Select(i => ampora.Git.CreateRepository($"ill-{i}")).ToList();
        ill.ForEach(repository => repository.Hangs = true);
        for (var i = 0; i < ill.Count; i++)
            await ampora.CreateSourceAsync($"ill-{i}", ill[i].Url);
        var healthy = ampora.Git.CreateRepository("healthy");
        await healthy.CommitAsync(("file", "1"));
        await Deployment.UntilAsync(() => Task.FromResult(ill.TrueForAll(repository => repository.Requests.Count > 0)), () => "the host's places are not all taken");

        await ampora.CreateSourceAsync("healthy", healthy.Url);

        Assert.Equal("succeeded", (await ampora.RunAsync("healthy", 1)).Outcome);
        Assert.Single(await ampora.RunsAsync());
    }
}

public sealed class CheckSpecsOnSqlite() : CheckSpecs(null);

public sealed class CheckSpecsOnPostgres(PostgresServer postgres) : CheckSpecs(postgres);
