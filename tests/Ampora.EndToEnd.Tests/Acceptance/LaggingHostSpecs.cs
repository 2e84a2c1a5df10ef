using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>A Git host whose replicas show a push later than its webhook tells of it. Nothing polls here: the interval is a day.</summary>
public abstract class LaggingHostSpecs(Deployment deployment)
{
    [Fact]
    public async Task A_push_that_the_webhook_names_is_looked_for_again_until_the_host_shows_it()
    {
        var source = await deployment.WatchAsync();
        await source.UseAsync("github");
        source.Repository.ForgetRequests();
        await source.Repository.LagAsync(listings: 2);
        var sha = await source.Repository.CommitAsync(("lagging", "1"));

        await deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, GitHubDelivery.PushOf(source.Repository.Url, sha)));

        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("webhook", run["trigger"]!.GetValue<string>());
        Assert.Equal(3, source.Repository.Count(GitRequestKind.LsRefs));
        Assert.Equal("run", Assert.Single(await source.DeliveriesAsync())["result"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_push_that_the_webhook_does_not_name_is_looked_for_once_more()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();
        await source.Repository.LagAsync(listings: 1);
        var sha = await source.Repository.CommitAsync(("lagging", "1"));

        await source.WakeAsync();

        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("webhook", run["trigger"]!.GetValue<string>());
        Assert.Equal(2, source.Repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_webhook_that_names_nothing_and_after_which_nothing_new_shows_is_settled_after_the_second_look()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();

        await source.WakeAsync();
        await source.WaitUntilSettledAsync();

        Assert.Equal("unchanged", Assert.Single(await source.DeliveriesAsync())["result"]!.GetValue<string>());
        Assert.Equal(2, source.Repository.Count(GitRequestKind.LsRefs));
        Assert.Single(await source.RunsAsync());
    }
}
