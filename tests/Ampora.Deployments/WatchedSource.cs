using System.Net;
using System.Text.Json.Nodes;
using Ampora.TestServers;

namespace Ampora.Deployments;

/// <summary>A source of a deployment, its repository, and the token of its webhook.</summary>
public sealed class WatchedSource(Deployment deployment, string id, GitRepository repository, string token)
{
    public string Id => id;

    public GitRepository Repository => repository;

    public string WebhookToken { get; set; } = token;

    public string WebhookPath => $"/api/git/webhook/{id}";

    /// <summary>Sends a webhook as a Git host does.</summary>
    public async Task<HttpResponseMessage> SendWebhookAsync(string? with = null, HttpClient? through = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, WebhookPath) { Content = new StringContent("{\"ref\":\"refs/heads/main\"}") };
        request.Headers.TryAddWithoutValidation("X-Ampora-Webhook-Token", with ?? WebhookToken);
        return await (through ?? deployment.Sender).SendAsync(request, Deployment.Token);
    }

    /// <summary>Sends a webhook that is accepted.</summary>
    /// <returns>The delivery's id.</returns>
    public async Task<string> WakeAsync()
    {
        using var response = await SendWebhookAsync();
        var text = await response.Content.ReadAsStringAsync(Deployment.Token);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{(int)response.StatusCode} {text}\n{deployment.Logs()}");
        var body = JsonNode.Parse(text)!;
        Assert.Equal("accepted", body["verdict"]!.GetValue<string>());
        return body["deliveryId"]!.GetValue<string>();
    }

    /// <summary>Changes the method, and takes the secret that is made for it.</summary>
    public async Task UseAsync(string auth)
    {
        await deployment.PutAsync($"/api/git/sources/{id}/webhook", new { auth });
        await RotateAsync(overlapSeconds: 0);
    }

    /// <summary>Rotates the secret, and takes the new one.</summary>
    /// <returns>The answer: where the secret belongs.</returns>
    public async Task<JsonNode> RotateAsync(int overlapSeconds)
    {
        var made = await deployment.PostAsync($"/api/git/sources/{id}/webhook/token", new { overlapSeconds });
        WebhookToken = made["token"]!.GetValue<string>();
        return made;
    }

    /// <summary>The source as the API shows it.</summary>
    public Task<JsonNode> ShowAsync() => deployment.GetAsync($"/api/git/sources/{id}");

    /// <summary>The newest of its deliveries, refused ones too.</summary>
    public async Task<IReadOnlyList<JsonNode>> DeliveriesAsync() =>
        [.. (await deployment.GetAsync($"/api/git/sources/{id}/deliveries?limit=200"))["items"]!.AsArray().Select(d => d!)];

    public async Task<IReadOnlyList<JsonNode>> RunsAsync()
    {
        var runs = new List<JsonNode>();
        for (string? cursor = null; ;)
        {
            var page = await deployment.GetAsync($"/api/git/sources/{id}/runs?limit=200{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}");
            runs.AddRange(page["items"]!.AsArray().Select(n => n!));
            cursor = page["next"]?.GetValue<string>();
            if (cursor is null)
                return runs;
        }
    }

    public Task<JsonNode> WaitForRunAsync(string sha, int seconds = 30) =>
        WaitForRunAsync(run => run["sha"]?.GetValue<string>() == sha, $"{id} runs {sha}", seconds);

    public Task<JsonNode> WaitForRunAsync(Func<JsonNode, bool> matches, string what, int seconds = 30) => deployment.EventuallyAsync(
        async () => (await deployment.GetAsync($"/api/git/sources/{id}/runs?limit=10"))["items"]!.AsArray().FirstOrDefault(run => matches(run!)),
        what,
        seconds);

    public async Task<JsonNode> WaitForTipAsync(int seconds = 30)
    {
        var tip = (await repository.TipAsync())!;
        return await WaitForRunAsync(tip, seconds);
    }

    /// <summary>Waits until every request made so far is covered by a finished check.</summary>
    public async Task WaitUntilSettledAsync() => await deployment.EventuallyAsync(
        async () =>
        {
            var deliveries = await deployment.GetAsync($"/api/git/sources/{id}/deliveries?limit=1");
            return deliveries["items"]!.AsArray().All(d => d!["result"]?.GetValue<string>() != "pending") ? "settled" : null;
        },
        $"{id} has no pending delivery");
}
