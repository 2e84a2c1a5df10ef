using System.Diagnostics;
using System.Text.Json.Nodes;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>The main job, seen from outside: a push becomes a recorded run. Each deployment passes the same.</summary>
public abstract class MainJobSpecs(Deployment deployment)
{
    protected Deployment Deployment => deployment;

    [Fact]
    public async Task A_hundred_commits_with_a_webhook_each_make_a_hundred_runs_with_their_files_and_deliveries()
    {
        var source = await deployment.WatchAsync();
        var pushed = new List<(string Sha, string Path, string DeliveryId)>();
        var took = new List<double>();
        for (var i = 0; i < 100; i++)
        {
            var path = $"apps/{i % 7}/file-{i}.yaml";
            var sha = await source.Repository.CommitAsync((path, $"value: {i}\n"));
            var sent = Stopwatch.GetTimestamp();
            var delivery = await source.WakeAsync();
            await source.WaitForRunAsync(sha);
            took.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            pushed.Add((sha, path, delivery));
        }

        // A figure to look at (-showLiveOutput), not to fail by: the machine may be busy.
        took.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine($"webhook sent to run in GET …/runs: p50 {took[49]:F0} ms, p99 {took[98]:F0} ms, worst {took[99]:F0} ms");

        var runs = (await source.RunsAsync()).Reverse().Skip(1).ToList();
        Assert.Equal(100, runs.Count);
        foreach (var (run, push) in runs.Zip(pushed))
        {
            Assert.Equal(push.Sha, run["sha"]!.GetValue<string>());
            Assert.Equal("webhook", run["trigger"]!.GetValue<string>());
            Assert.Equal("succeeded", run["outcome"]!.GetValue<string>());
            var change = Assert.Single(run["changes"]!.AsArray());
            Assert.Equal((push.Path, "added"), (change!["path"]!.GetValue<string>(), change["change"]!.GetValue<string>()));
            Assert.Equal(push.DeliveryId, Assert.Single(run["triggeredBy"]!.AsArray())!["deliveryId"]!.GetValue<string>());
        }

        var deliveries = (await deployment.GetAsync($"/api/git/sources/{source.Id}/deliveries?limit=200"))["items"]!.AsArray();
        Assert.Equal(
            runs.Select(r => r["runId"]!.GetValue<string>()).Reverse(),
            deliveries.Select(d => d!["runId"]!.GetValue<string>()));
        Assert.Equal(101, source.Repository.Count(GitRequestKind.Fetch));
    }

    [Fact]
    public async Task A_commit_without_a_webhook_is_found_by_the_poll()
    {
        var source = await deployment.WatchAsync(pollIntervalSeconds: 2);
        var sha = await source.Repository.CommitAsync(("polled", "1"));
        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("poll", run["trigger"]!.GetValue<string>());
        Assert.Equal("poll", Assert.Single(run["triggeredBy"]!.AsArray())!["kind"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_check_that_an_operator_asks_for_is_manual()
    {
        var source = await deployment.WatchAsync();
        var sha = await source.Repository.CommitAsync(("asked", "1"));
        var request = (await deployment.PostAsync($"/api/git/sources/{source.Id}/check", new { }))["requestId"]!.GetValue<string>();
        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("manual", run["trigger"]!.GetValue<string>());
        var by = Assert.Single(run["triggeredBy"]!.AsArray())!;
        Assert.Equal((request, "token:admin"), (by["requestId"]!.GetValue<string>(), by["actor"]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_webhook_that_a_polls_check_covers_is_still_a_webhook()
    {
        var source = await deployment.WatchAsync(pollIntervalSeconds: 2);
        source.Repository.FailWith = 503;
        await source.WaitForRunAsync(run => run["outcome"]!.GetValue<string>() == "failed", "the poll fails");
        // The poll's request is not covered yet, so the check that finds the commit covers both.
        var sha = await source.Repository.CommitAsync(("both", "1"));
        await source.WakeAsync();
        source.Repository.FailWith = null;
        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("webhook", run["trigger"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_thousand_webhooks_after_one_push_make_one_run_and_one_fetch()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();
        var sha = await source.Repository.CommitAsync(("flood", "1"));
        await Parallel.ForAsync(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = 50 }, async (_, _) => await source.WakeAsync());
        var run = await source.WaitForRunAsync(sha);
        await source.WaitUntilSettledAsync();
        Assert.Equal(2, (await source.RunsAsync()).Count);
        Assert.Equal(1, source.Repository.Count(GitRequestKind.Fetch));
        Assert.NotEmpty(run["triggeredBy"]!.AsArray());
    }

    [Fact]
    public async Task A_thousand_webhooks_without_a_push_make_no_run_and_at_most_four_checks_a_second()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();
        var began = Environment.TickCount64;
        await Parallel.ForAsync(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = 20 }, async (_, _) => await source.WakeAsync());
        await source.WaitUntilSettledAsync();
        var seconds = (Environment.TickCount64 - began) / 1000.0;
        Assert.InRange(source.Repository.Count(GitRequestKind.LsRefs), 1, (4 * seconds) + 2);
        Assert.Equal(0, source.Repository.Count(GitRequestKind.Fetch));
        Assert.Single(await source.RunsAsync());
    }

    [Fact]
    public async Task There_and_back_again_is_three_transitions_and_the_first_tree_is_stored_once()
    {
        var source = await deployment.WatchAsync();
        var a = (await source.Repository.TipAsync())!;
        source.Repository.ForgetRequests();
        var b = await source.Repository.CommitAsync(("there", "1"));
        await source.WakeAsync();
        await source.WaitForRunAsync(b);
        await source.Repository.ForcePushAsync(a);
        await source.WakeAsync();
        var back = await source.WaitForRunAsync(run => run["previousSha"]?.GetValue<string>() == b, "back at the first commit");
        Assert.Equal(a, back["sha"]!.GetValue<string>());
        Assert.True(back["reused"]!.GetValue<bool>());
        Assert.True(back["forced"]!.GetValue<bool>());
        var change = Assert.Single(back["changes"]!.AsArray())!;
        Assert.Equal(("there", "removed"), (change["path"]!.GetValue<string>(), change["change"]!.GetValue<string>()));
        Assert.Equal([a, b, a], (await source.RunsAsync()).Select(r => r["sha"]!.GetValue<string>()));
        Assert.Equal(1, source.Repository.Count(GitRequestKind.Fetch));
    }

    [Fact]
    public async Task A_push_that_lands_while_a_check_is_held_is_swept_next_without_a_poll()
    {
        var source = await deployment.WatchAsync();
        var first = await source.Repository.CommitAsync(("first", "1"));
        string second;
        using (var gate = source.Repository.Hold(GitRequestKind.Fetch))
        {
            await source.WakeAsync();
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Deployment.Token);
            second = await source.Repository.CommitAsync(("second", "1"));
            await source.WakeAsync();
        }

        var run = await source.WaitForRunAsync(second);
        Assert.Equal((first, "webhook"), (run["previousSha"]!.GetValue<string>(), run["trigger"]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_url_changed_while_its_check_is_held_lets_nothing_of_the_old_repository_become_the_tip()
    {
        var source = await deployment.WatchAsync();
        var old = await source.Repository.CommitAsync(("old", "1"));
        var other = deployment.Git.CreateRepository($"{source.Id}-moved");
        var moved = await other.CommitAsync(("new", "1"));
        using (var gate = source.Repository.Hold(GitRequestKind.Fetch))
        {
            await source.WakeAsync();
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Deployment.Token);
            await deployment.PatchAsync($"/api/git/sources/{source.Id}", new { url = other.Url });
        }

        await source.WaitForRunAsync(moved);
        await source.WaitUntilSettledAsync();
        Assert.DoesNotContain(old, (await source.RunsAsync()).Select(r => r["sha"]?.GetValue<string>()));
        Assert.Equal(moved, (await deployment.GetAsync($"/api/git/sources/{source.Id}"))["state"]!["tip"]!["sha"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_paused_source_ignores_webhooks_and_is_checked_as_soon_as_it_is_resumed()
    {
        var source = await deployment.WatchAsync();
        await deployment.PostAsync($"/api/git/sources/{source.Id}/pause", new { reason = "maintenance" });
        source.Repository.ForgetRequests();
        var sha = await source.Repository.CommitAsync(("later", "1"));
        using (var response = await source.SendWebhookAsync())
        {
            var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(Deployment.Token))!;
            Assert.Equal(202, (int)response.StatusCode);
            Assert.Equal(("ignored", "source_paused"), (body["verdict"]!.GetValue<string>(), body["reason"]!.GetValue<string>()));
        }

        await deployment.PostAsync($"/api/git/sources/{source.Id}/resume", new { });
        await source.WaitForRunAsync(sha);
        Assert.Equal(1, source.Repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_git_host_that_fails_and_recovers_makes_one_failed_run_and_one_recovery_and_is_asked_every_five_seconds_at_most()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();
        source.Repository.FailWith = 500;
        var sha = await source.Repository.CommitAsync(("recovered", "1"));
        var began = Environment.TickCount64;
        while (Environment.TickCount64 - began < 12_000)
        {
            await source.WakeAsync();
            await Task.Delay(200, Deployment.Token);
        }

        var attempts = source.Repository.Requests.Count;
        var seconds = (Environment.TickCount64 - began) / 1000.0;
        source.Repository.FailWith = null;
        await source.WakeAsync();
        var recovery = await source.WaitForRunAsync(sha);
        Assert.InRange(attempts, 2, (seconds / 5) + 2);
        Assert.True(recovery["recoveredAfterFailures"]!.GetValue<int>() >= 2);
        Assert.Equal(["succeeded", "failed", "succeeded"], (await source.RunsAsync()).Select(r => r["outcome"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Twenty_sources_on_a_hung_host_do_not_hold_up_twenty_healthy_ones()
    {
        await using var hung = await GitHttpServer.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            var repository = hung.CreateRepository($"hung-{i}");
            await repository.CommitAsync(("file", "1"));
            repository.Hangs = true;
            await deployment.AddAsync(id: $"hung-{i}-{Guid.NewGuid():n}", repository: repository);
        }

        var healthy = new List<WatchedSource>();
        for (var i = 0; i < 20; i++)
            healthy.Add(await deployment.WatchAsync());
        foreach (var source in healthy)
        {
            var sha = await source.Repository.CommitAsync(("beside", "1"));
            await source.WakeAsync();
            await source.WaitForRunAsync(sha, seconds: 5);
        }
    }

    [Fact]
    public async Task Every_run_is_in_the_audit_log_once_and_says_where()
    {
        var source = await deployment.WatchAsync();
        for (var i = 0; i < 3; i++)
        {
            var sha = await source.Repository.CommitAsync(($"audited-{i}", "1"));
            await source.WakeAsync();
            await source.WaitForRunAsync(run => run["sha"]?.GetValue<string>() == sha && run["auditId"] is not null, "the run names its audit entry");
        }

        var runs = await source.RunsAsync();
        var entries = (await deployment.GetAsync($"/api/audit?subject=source:{source.Id}&action=run.succeeded&limit=200"))["items"]!.AsArray();
        Assert.Equal(
            runs.Select(r => (r["runId"]!.GetValue<string>(), r["auditId"]!.GetValue<long>())).Order(),
            entries.Select(e => (e!["runId"]!.GetValue<string>(), e["auditId"]!.GetValue<long>())).Order());
        Assert.True((await deployment.GetAsync("/api/audit/verify"))["ok"]!.GetValue<bool>());
    }
}
