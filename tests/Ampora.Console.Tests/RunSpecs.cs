using System.Text.Json.Nodes;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tests;

public sealed class RunSpecs(Consoles consoles)
{
    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_run_is_shown_as_documented_in_the_list_and_alone(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var sha = await console.SweepAsync(id, ("a.txt", "100644", Sweeping.Bytes("a")));
        var page = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs");
        Assert.Null(page["next"]);
        var run = Assert.Single(page.Items());
        Assert.Equal(
            [
                "runId", "sourceId", "trigger", "triggeredBy", "outcome", "recoveredAfterFailures", "ref", "previousSha", "sha", "forced", "reused", "commit", "changes",
                "changesTruncated", "counts", "requestedAt", "startedAt", "completedAt", "stages", "error", "auditId",
            ],
            run.AsObject().Select(m => m.Key));
        Assert.Equal(("initial", "succeeded", id, sha, "HEAD"), (run.Text("trigger"), run.Text("outcome"), run.Text("sourceId"), run.Text("sha"), run.Text("ref")));
        var by = Assert.Single(run["triggeredBy"]!.AsArray())!;
        Assert.Equal(("manual", "token:admin"), (by.Text("kind"), by.Text("actor")));
        Assert.Matches("^req_[0-9a-f]{32}$", by.Text("requestId"));
        Assert.Null(by["deliveryId"]);
        Assert.Equal("Change the <fleet>", run["commit"]!.Text("subject"));
        Assert.Equal("2026-01-02T03:04:05Z", run["commit"]!.Text("committedAt"));
        Assert.Equal("added", run["changes"]![0]!.Text("change"));
        Assert.Equal(1, run["counts"]!["added"]!.GetValue<int>());
        Assert.Equal(["queueMs", "tipMs", "fetchMs", "storeMs"], run["stages"]!.AsObject().Select(m => m.Key));
        Assert.EndsWith("Z", run.Text("completedAt"), StringComparison.Ordinal);

        var alone = await console.Admin.GetJsonAsync($"/api/git/runs/{run.Text("runId")}");
        Assert.True(JsonNode.DeepEquals(run, alone));
        var tip = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["state"]!;
        Assert.Equal((sha, "Change the <fleet>"), (tip["tip"]!.Text("sha"), tip["tip"]!.Text("subject")));
        Assert.Equal("healthy", tip.Text("health"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_run_names_all_deliveries_and_requests_that_it_covers_and_they_name_the_run(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await console.SweepAsync(id);
        var deliveries = new List<string>();
        for (var i = 0; i < 3; i++)
            deliveries.Add(await console.DeliverAsync(id));
        var request = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/check")).Text("requestId");
        await console.SweepAsync(id);

        var run = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs?trigger=webhook")).Items().Single();
        Assert.Equal(deliveries, run["triggeredBy"]!.AsArray().Where(t => t!.Text("kind") == "webhook").Select(t => t!.Text("deliveryId")));
        Assert.Equal([request], run["triggeredBy"]!.AsArray().Where(t => t!.Text("kind") == "manual").Select(t => t!.Text("requestId")));
        Assert.Equal(4, run["triggeredBy"]!.AsArray().Count);

        var ledger = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}/deliveries")).Items();
        Assert.Equal(deliveries.AsEnumerable().Reverse(), ledger.Select(d => d.Text("deliveryId")));
        Assert.All(ledger, d => Assert.Equal(
            ("accepted", "run", run.Text("runId"), "192.0.2.9", "current", "push", "token"),
            (d.Text("verdict"), d.Text("result"), d.Text("runId"), d.Text("remoteIp"), d.Text("signedBy"), d.Text("event"), d.Text("provider"))));
        Assert.Equal("healthy", (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["state"]!.Text("webhookHealth"));

        var first = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/deliveries?limit=2");
        var second = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/deliveries?limit=2&cursor={first.Text("next")}");
        Assert.Equal(deliveries[0], Assert.Single(second.Items()).Text("deliveryId"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_poll_is_named_when_nothing_else_asked_and_a_failure_says_what_to_do(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await console.SweepAsync(id);
        for (var i = 0; i < 2; i++)
        {
            await console.Store.WriteAsync(
                (context, stop) => context.Wakeups.Where(w => w.SourceId == id).ExecuteUpdateAsync(
                    set => set.SetProperty(w => w.Wanted, w => w.Wanted + 1).SetProperty(w => w.AskedAt, TimeProvider.System.GetUtcNow()), stop),
                TestContext.Current.CancellationToken);
            await (i == 0 ? console.SweepAsync(id) : console.FailAsync(id));
        }

        var runs = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs")).Items();
        Assert.Equal(["failed", "succeeded", "succeeded"], runs.Select(r => r.Text("outcome")));
        Assert.Equal(["poll", "poll", "initial"], runs.Select(r => r.Text("trigger")));
        Assert.Equal("poll", Assert.Single(runs[1]["triggeredBy"]!.AsArray())!.Text("kind"));
        Assert.Equal(("auth_failed", "Check the credential."), (runs[0]["error"]!.Text("code"), runs[0]["error"]!.Text("remedy")));
        Assert.Single((await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs?outcome=failed")).Items());
        Assert.Empty((await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs?outcome=failed&trigger=webhook")).Items());
        Assert.Equal("degraded", (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["state"]!.Text("health"));

        var newest = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs?limit=1");
        var next = await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs?limit=2&cursor={newest.Text("next")}");
        Assert.Equal(runs.Select(r => r.Text("runId")), [.. newest.Items().Concat(next.Items()).Select(r => r.Text("runId"))]);
        Assert.Null(next["next"]);
    }

    [Theory]
    [InlineData("run_0123456789abcdef0123456789abcdef")]
    [InlineData("run_x")]
    [InlineData("..%2f")]
    public async Task A_run_that_is_not_there_is_a_404(string runId)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        await console.Admin.RefusedAsync(404, "run_not_found", HttpMethod.Get, $"/api/git/runs/{runId}");
    }
}
