using System.Text.Json.Nodes;
using Ampora.Deployments;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>What no webhook announced is found by the poll, and counted.</summary>
public abstract class MissedWebhookSpecs(Deployment deployment)
{
    protected Deployment Deployment => deployment;

    [Fact]
    public async Task A_push_whose_webhook_does_not_come_is_found_by_the_poll_and_counted_as_missed()
    {
        var source = await deployment.WatchAsync(pollIntervalSeconds: 1);
        var before = await deployment.MetricAsync("ampora_missed_webhooks_total");

        var sha = await source.Repository.CommitAsync(("unannounced", "1"));
        Assert.Equal("poll", (await source.WaitForRunAsync(sha))["trigger"]!.GetValue<string>());

        var state = await WaitForStateAsync(source, state => state["missedWebhooks"]!.GetValue<long>() == 1, "the miss is counted");
        Assert.Equal("degraded", state["webhookHealth"]!.GetValue<string>());
        await deployment.EventuallyAsync(async () => await deployment.MetricAsync("ampora_missed_webhooks_total") > before ? "counted" : null, "the metric counts the miss");
    }

    protected Task<JsonNode> WaitForStateAsync(WatchedSource source, Func<JsonNode, bool> matches, string what) => deployment.EventuallyAsync(
        async () => (await source.ShowAsync())["state"] is { } state && matches(state) ? state : null, what);
}
