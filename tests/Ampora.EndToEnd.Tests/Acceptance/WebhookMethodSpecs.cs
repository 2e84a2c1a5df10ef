using System.Net;
using System.Text.Json.Nodes;
using Ampora.Deployments;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>A Git host's own signature lets its webhook in, and nothing else does.</summary>
public abstract class WebhookMethodSpecs(Deployment deployment)
{
    protected Deployment Deployment => deployment;

    [Fact]
    public async Task A_newcomer_who_pastes_what_is_shown_into_GitHub_has_a_webhook_that_works_at_once()
    {
        var repository = deployment.Git.CreateRepository($"newcomer-{Guid.NewGuid():n}"[..20]);
        await repository.CommitAsync(("a", "1"));
        var id = Path.GetFileNameWithoutExtension(repository.FolderPath);
        // The method follows from the host, and this one is called 127.0.0.1.
        await deployment.PostAsync("/api/git/sources", new { id, url = repository.Url, @ref = "main", pollIntervalSeconds = 86_400, webhook = new { auth = "github" } });
        var shown = await deployment.PostAsync($"/api/git/sources/{id}/webhook/token", new { });
        var source = new WatchedSource(deployment, id, repository, shown["token"]!.GetValue<string>());
        await source.WaitForTipAsync();
        Assert.Equal("Secret", shown["field"]!.GetValue<string>());
        var url = new Uri(shown["url"]!.GetValue<string>());

        var sha = await repository.CommitAsync(("a", "2"));
        var answer = await deployment.DeliverAsync(GitHubDelivery.Sign(url.PathAndQuery, source.WebhookToken, GitHubDelivery.RealPushOf(sha)));

        Assert.Equal("accepted", answer["verdict"]!.GetValue<string>());
        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("webhook", run["trigger"]!.GetValue<string>());
        Assert.Equal(answer["deliveryId"]!.GetValue<string>(), Assert.Single(run["triggeredBy"]!.AsArray())!["deliveryId"]!.GetValue<string>());
        var delivery = Assert.Single(await source.DeliveriesAsync());
        Assert.Equal(("github", "push", "current"), (Text(delivery, "provider"), Text(delivery, "event"), Text(delivery, "signedBy")));
    }

    [Fact]
    public async Task A_ping_and_another_branchs_push_are_answered_and_wake_nothing()
    {
        var source = await deployment.WatchAsync();
        await source.UseAsync("github");
        source.Repository.ForgetRequests();

        var ping = await deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, """{"zen":"Speak like a human.","hook_id":1}""", "ping"));
        var other = await deployment.DeliverAsync(GitHubDelivery.Sign(
            source.WebhookPath, source.WebhookToken, GitHubDelivery.PushOf(source.Repository.Url, new string('a', 40), "refs/heads/other")));

        Assert.Equal(("ignored", "ping"), (Text(ping, "verdict"), Text(ping, "reason")));
        Assert.Equal(("ignored", "ref_not_tracked"), (Text(other, "verdict"), Text(other, "reason")));
        Assert.Equal(["ref_not_tracked", "ping"], (await source.DeliveriesAsync()).Select(d => Text(d, "reason")));
        Assert.Equal(0, source.Repository.Count(TestServers.GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_signature_at_a_source_that_expects_a_token_is_refused_and_the_operator_alone_reads_why()
    {
        var source = await deployment.WatchAsync();
        var strangers = await RefusedAsync(GitHubDelivery.Sign("/api/git/webhook/no-such-source", "whatever it may be", "{}"));
        var answer = await RefusedAsync(GitHubDelivery.Sign(
            source.WebhookPath, source.WebhookToken, GitHubDelivery.PushOf(source.Repository.Url, new string('a', 40))));

        Assert.Equal(strangers, answer);
        var refused = await deployment.EventuallyAsync(
            async () => (await source.DeliveriesAsync()).FirstOrDefault(d => Text(d, "verdict") == "refused"),
            "the refused delivery is in the source's ledger");
        Assert.Equal("method_mismatch", Text(refused, "reason"));
        Assert.Contains("GitHub", Text(refused, "detail"), StringComparison.Ordinal);
        Assert.Contains("X-Ampora-Webhook-Token", Text(refused, "detail"), StringComparison.Ordinal);
        Assert.DoesNotContain(source.WebhookToken, refused.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redelivery_is_accepted_and_marked_as_a_replay()
    {
        var source = await deployment.WatchAsync();
        await source.UseAsync("github");
        var id = Guid.NewGuid().ToString();
        var body = GitHubDelivery.PushOf(source.Repository.Url, (await source.Repository.TipAsync())!);

        var first = await deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, body, deliveryId: id));
        await deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, body, deliveryId: id));

        var deliveries = await source.DeliveriesAsync();
        Assert.Equal([Text(first, "deliveryId"), ""], deliveries.Select(d => Text(d, "replayOf")));
    }

    [Fact]
    public async Task While_a_signing_secret_rotates_both_count_and_the_source_shows_which_signed_last()
    {
        var source = await deployment.WatchAsync();
        await source.UseAsync("github");
        var old = source.WebhookToken;
        var body = GitHubDelivery.PushOf(source.Repository.Url, (await source.Repository.TipAsync())!);
        await source.RotateAsync(overlapSeconds: 3600);

        await deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, old, body));
        var during = (await source.ShowAsync())["webhook"]!;
        await deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, body));
        var after = (await source.ShowAsync())["webhook"]!;

        Assert.Equal("previous", Text(during, "lastSignedBy"));
        Assert.Equal("current", Text(after, "lastSignedBy"));
        Assert.Equal(Text(during, "previousLastUsedAt"), Text(after, "previousLastUsedAt"));
        Assert.NotEmpty(Text(after, "lastUsedAt"));
        Assert.NotEmpty(Text(after, "previousValidUntil"));
    }

    [Fact]
    public async Task What_an_operator_asks_about_is_explained_as_it_is_judged_and_wakes_nothing()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();
        var body = GitHubDelivery.PushOf(source.Repository.Url, new string('a', 40));
        using var asToken = GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, body);

        var refused = await ExplainAsync(source, asToken, body);
        await source.UseAsync("github");
        using var asGitHub = GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, body);
        var accepted = await ExplainAsync(source, asGitHub, body);

        Assert.Equal(("refused", "method_mismatch"), (Text(refused, "verdict"), Text(refused, "reason")));
        Assert.Equal("accepted", Text(accepted, "verdict"));
        Assert.Empty(await source.DeliveriesAsync());
        Assert.Equal(0, source.Repository.Count(TestServers.GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_delivery_that_is_retried_looks_again_and_its_run_names_it()
    {
        var source = await deployment.WatchAsync();
        var delivery = await source.WakeAsync();
        await source.WaitUntilSettledAsync();
        var sha = await source.Repository.CommitAsync(("later", "1"));

        var retried = await deployment.PostAsync($"/api/git/sources/{source.Id}/deliveries/{delivery}/retry", new { });

        var by = Assert.Single((await source.WaitForRunAsync(sha))["triggeredBy"]!.AsArray())!;
        Assert.Equal((Text(retried, "requestId"), delivery), (Text(by, "requestId"), Text(by, "deliveryId")));
    }

    private Task<JsonNode> ExplainAsync(WatchedSource source, HttpRequestMessage request, string body) => deployment.PostAsync(
        $"/api/git/sources/{source.Id}/webhook/explain",
        new { headers = request.Headers.ToDictionary(header => header.Key, header => header.Value.Single()), body });

    protected static string Text(JsonNode node, string name) => node[name]?.GetValue<string>() ?? "";

    protected async Task<string> RefusedAsync(HttpRequestMessage request, HttpClient? through = null)
    {
        using (request)
        {
            using var response = await (through ?? deployment.Sender).SendAsync(request, Deployment.Token);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            return await response.Content.ReadAsStringAsync(Deployment.Token);
        }
    }
}
