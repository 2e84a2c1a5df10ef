using System.Text.Json.Nodes;
using Ampora.Database;
using Ampora.Store.Model;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tests;

public sealed class DeliverySpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_woke_a_source_and_what_was_turned_away_are_one_list_of_which_every_item_is_on_exactly_one_page(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var expected = new List<string>();
        for (var i = 0; i < 11; i++)
        {
            expected.Add(i % 3 == 0 ? await TurnAwayAsync(console, id, i % 2 == 0 ? "refused" : "ignored") : await console.DeliverAsync(id));
            // Of another source, and of none.
            await TurnAwayAsync(console, null, "refused");
        }

        expected.Reverse();
        foreach (var limit in new[] { 1, 2, 3, 4, 11, 50 })
            Assert.Equal(expected, (await PagesAsync(console.Admin, $"/api/git/sources/{id}/deliveries?limit={limit}")).Select(d => d.Text("deliveryId")));
        var all = await PagesAsync(console.Admin, $"/api/git/sources/{id}/deliveries?limit=4");
        foreach (var verdict in new[] { "accepted", "ignored", "refused" })
        {
            var picked = await PagesAsync(console.Admin, $"/api/git/sources/{id}/deliveries?limit=2&verdict={verdict}");
            Assert.NotEmpty(picked);
            Assert.All(picked, d => Assert.Equal(verdict, d.Text("verdict")));
            Assert.Equal(all.Where(d => d.Text("verdict") == verdict).Select(d => d.Text("deliveryId")), picked.Select(d => d.Text("deliveryId")));
        }
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_delivery_shows_all_that_an_operator_needs(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var first = await console.DeliverAsync(id, senderDeliveryId: "gh-1", refs: "refs/heads/main", secretName: "acme");
        var again = await console.DeliverAsync(id, senderDeliveryId: "gh-1");
        var refused = await TurnAwayAsync(console, id, "refused");
        var items = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}/deliveries")).Items();
        Assert.Equal([refused, again, first], items.Select(d => d.Text("deliveryId")));
        Assert.Equal(
            [
                "deliveryId", "sourceId", "receivedAt", "firstAt", "count", "provider", "event", "verdict", "reason", "detail", "remoteIp", "signedBy", "secretName",
                "senderDeliveryId", "replayOf", "refs", "repository", "result", "runId",
            ],
            items[0].AsObject().Select(m => m.Key));
        Assert.Equal(
            ("signature_mismatch", "The signature was made with another secret.", 7L, "198.51.100.7"),
            (items[0].Text("reason"), items[0].Text("detail"), items[0]["count"]!.GetValue<long>(), items[0].Text("remoteIp")));
        Assert.True(items[0]["firstAt"]!.GetValue<DateTimeOffset>() < items[0]["receivedAt"]!.GetValue<DateTimeOffset>());
        Assert.Equal((first, "gh-1", "pending", "current"), (items[1].Text("replayOf"), items[1].Text("senderDeliveryId"), items[1].Text("result"), items[1].Text("signedBy")));
        Assert.Equal(("acme", "refs/heads/main", 1L), (items[2].Text("secretName"), items[2].Text("refs"), items[2]["count"]!.GetValue<long>()));
        Assert.Null(items[2]["replayOf"]);

        await console.SweepAsync(id);
        var settled = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}/deliveries?verdict=accepted")).Items();
        Assert.All(settled, d => Assert.Equal("run", d.Text("result")));
        var state = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["state"]!;
        Assert.Equal("healthy", state.Text("webhookHealth"));
        Assert.NotNull(state["lastWebhookAt"]);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_list_of_all_shows_operators_what_they_may_see_and_what_is_of_no_source_only_to_who_may_see_all(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var team = TestConsole.Unique("team");
        var mine = await console.CreateSourceAsync(labels: new { team });
        var others = await console.CreateSourceAsync();
        string[] ofMine = [await console.DeliverAsync(mine), await TurnAwayAsync(console, mine, "refused")];
        string[] ofOthers = [await console.DeliverAsync(others), await TurnAwayAsync(console, others, "refused"), await TurnAwayAsync(console, null, "refused")];

        var unlimited = await PagesAsync(await console.ClientAsync("operator"), "/api/git/deliveries?limit=200");
        Assert.All(ofMine.Concat(ofOthers), delivery => Assert.Single(unlimited, d => d.Text("deliveryId") == delivery));
        Assert.Null(unlimited.Single(d => d.Text("deliveryId") == ofOthers[2])["sourceId"]);
        foreach (var limited in new[] { await console.ClientAsync("operator", sources: [mine]), await console.ClientAsync("admin", labels: new { team }) })
        {
            Assert.Equal(ofMine.Reverse(), (await PagesAsync(limited, "/api/git/deliveries?limit=1")).Select(d => d.Text("deliveryId")));
            Assert.Equal([ofMine[1]], (await PagesAsync(limited, "/api/git/deliveries?verdict=refused")).Select(d => d.Text("deliveryId")));
        }

        await (await console.ClientAsync("viewer")).RefusedAsync(403, "forbidden", HttpMethod.Get, "/api/git/deliveries");
    }

    [Theory]
    [InlineData("verdict=maybe", "verdict")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("limit=0", "limit")]
    public async Task A_bad_query_is_refused_by_name(string query, string parameter)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync();
        foreach (var path in new[] { $"/api/git/sources/{id}/deliveries", "/api/git/deliveries" })
            Assert.NotNull((await console.Admin.RefusedAsync(400, "invalid_query", HttpMethod.Get, $"{path}?{query}"))["errors"]![parameter]);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_retry_checks_once_more_and_its_run_names_request_and_delivery(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await console.SweepAsync(id);
        var delivery = await console.DeliverAsync(id);
        await console.SweepAsync(id);

        var @operator = await console.ClientAsync("operator");
        using var response = await @operator.CallAsync(HttpMethod.Post, $"/api/git/sources/{id}/deliveries/{delivery}/retry");
        Assert.Equal(202, (int)response.StatusCode);
        var request = JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop))!.Text("requestId");
        await console.SweepAsync(id);
        var run = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}/runs?limit=1")).Items()[0];
        Assert.Equal("manual", run.Text("trigger"));
        var trigger = Assert.Single(run["triggeredBy"]!.AsArray())!;
        Assert.Equal(("manual", delivery, request), (trigger.Text("kind"), trigger.Text("deliveryId"), trigger.Text("requestId")));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_cannot_be_retried_says_why(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var (id, others) = (await console.CreateSourceAsync(), await console.CreateSourceAsync());
        var accepted = await console.DeliverAsync(id);
        var refused = await TurnAwayAsync(console, id, "refused");
        string RetryOf(string delivery) => $"/api/git/sources/{id}/deliveries/{delivery}/retry";

        var problem = await console.Admin.RefusedAsync(409, "delivery_refused", HttpMethod.Post, RetryOf(refused));
        Assert.Contains("signature_mismatch", problem.Text("detail"), StringComparison.Ordinal);
        foreach (var unknown in new[] { "dlv_00000000000000000000000000000000", "x", await console.DeliverAsync(others) })
            await console.Admin.RefusedAsync(404, "delivery_not_found", HttpMethod.Post, RetryOf(unknown));
        await console.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/pause");
        await console.Admin.RefusedAsync(409, "source_paused", HttpMethod.Post, RetryOf(accepted));
        await (await console.ClientAsync("viewer")).RefusedAsync(403, "forbidden", HttpMethod.Post, RetryOf(accepted));
        await (await console.ClientAsync("operator", sources: [others])).RefusedAsync(404, "source_not_found", HttpMethod.Post, RetryOf(accepted));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Webhook_health_counts_what_polls_found_unannounced(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        async Task<JsonNode> AfterAsync(DateTimeOffset? webhook, int inRow, long total)
        {
            await console.Store.WriteAsync(
                (context, stop) => context.Wakeups.Where(w => w.SourceId == id).ExecuteUpdateAsync(
                    set => set.SetProperty(w => w.LastWebhookAt, webhook).SetProperty(w => w.MissedInRow, inRow).SetProperty(w => w.MissedTotal, total)
                        .SetProperty(w => w.PollIntervalSeconds, 240),
                    stop),
                Stop);
            return (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["state"]!;
        }

        var now = TimeProvider.System.GetUtcNow();
        Assert.Equal("unknown", (await AfterAsync(null, 0, 0)).Text("webhookHealth"));
        Assert.Equal("degraded", (await AfterAsync(null, 1, 1)).Text("webhookHealth"));
        Assert.Equal("healthy", (await AfterAsync(now, 0, 4)).Text("webhookHealth"));
        Assert.Equal("degraded", (await AfterAsync(now, 2, 6)).Text("webhookHealth"));
        var state = await AfterAsync(now, 3, 7);
        Assert.Equal(("failing", 7L, 240), (state.Text("webhookHealth"), state["missedWebhooks"]!.GetValue<long>(), state["pollIntervalSeconds"]!.GetValue<int>()));

        // Without a secret no webhook can come, and so none is missed; what was, stays counted.
        await console.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/webhook/token", new { });
        using var revoked = await console.Admin.CallAsync(HttpMethod.Delete, $"/api/git/sources/{id}/webhook/token");
        Assert.Equal(System.Net.HttpStatusCode.NoContent, revoked.StatusCode);
        var after = (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["state"]!;
        Assert.Equal(("unknown", 7L), (after.Text("webhookHealth"), after["missedWebhooks"]!.GetValue<long>()));
        await using var context = console.Store.Read();
        // The scheduler takes an interval that nothing proves back to the operator's.
        Assert.Null((await context.Wakeups.SingleAsync(w => w.SourceId == id, Stop)).WebhookProvedAt);
        Assert.Equal(60, (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["pollIntervalSeconds"]!.GetValue<int>());
    }

    private static async Task<IReadOnlyList<JsonNode>> PagesAsync(HttpClient client, string path)
    {
        var items = new List<JsonNode>();
        string? cursor = null;
        do
        {
            var page = await client.GetJsonAsync(path + (cursor is null ? "" : $"{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}cursor={cursor}"));
            items.AddRange(page.Items());
            cursor = page["next"]?.GetValue<string>();
        }
        while (cursor is not null);
        return items;
    }

    /// <summary>Writes what Ingress writes of a delivery that it turned away.</summary>
    /// <returns>Its id.</returns>
    private static Task<string> TurnAwayAsync(TestConsole console, string? source, string verdict) => console.Store.WriteAsync(
        async (context, stop) =>
        {
            var id = $"dlv_{Guid.NewGuid():n}";
            await context.Sequences.Where(s => s.Name == "deliveries").ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + 1), stop);
            var now = TimeProvider.System.GetUtcNow();
            context.TurnedAway.Add(new TurnedAwayRow
            {
                Id = id,
                Kind = id,
                Sequence = await context.Sequences.Where(s => s.Name == "deliveries").Select(s => s.Value).SingleAsync(stop),
                SourceId = source,
                FirstAt = now.AddMinutes(-5),
                ReceivedAt = now,
                Provider = "github",
                Event = "push",
                Verdict = verdict,
                Reason = verdict == "refused" ? "signature_mismatch" : "nothing_matched",
                Detail = "The signature was made with another secret.",
                RemoteIp = "198.51.100.7",
                Count = 7,
            });
            await context.SaveChangesAsync(stop);
            return id;
        },
        Stop);
}
