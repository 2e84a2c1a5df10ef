using System.Net;
using Ampora.Deployments;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>Who is let in, who is turned away, and that the record says so.</summary>
public abstract class WebhookSecretSpecs(Deployment deployment)
{
    protected Deployment Deployment => deployment;

    [Fact]
    public async Task Wrong_token_unknown_source_and_no_token_get_the_same_401_and_each_is_counted()
    {
        var source = await deployment.WatchAsync();
        var before = await RefusalsAsync("source:unknown");
        var answers = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            answers.Add(await RefusedAsync(source.WebhookPath, "amp_wrong"));
            answers.Add(await RefusedAsync("/api/git/webhook/no-such-source", source.WebhookToken));
            answers.Add(await RefusedAsync(source.WebhookPath, null));
        }

        Assert.Single(answers.Distinct());
        await deployment.EventuallyAsync(
            async () => await RefusalsAsync($"source:{source.Id}") == 40 && await RefusalsAsync("source:unknown") - before == 20 ? "counted" : null,
            "the audit log counts what was refused");
    }

    [Fact]
    public async Task A_rotated_token_is_refused_at_once_and_the_new_one_accepted()
    {
        var source = await deployment.WatchAsync();
        var old = source.WebhookToken;
        source.WebhookToken = await RotateAsync(source, overlapSeconds: 0);
        using (var refused = await source.SendWebhookAsync(with: old))
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        await source.WakeAsync();
    }

    [Fact]
    public async Task During_an_overlap_both_tokens_are_accepted()
    {
        var source = await deployment.WatchAsync();
        var old = source.WebhookToken;
        source.WebhookToken = await RotateAsync(source, overlapSeconds: 3600);
        using (var accepted = await source.SendWebhookAsync(with: old))
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await source.WakeAsync();
    }

    [Fact]
    public async Task A_rotation_in_the_middle_of_a_flood_lets_no_request_in_that_was_sent_after_it_returned()
    {
        var source = await deployment.WatchAsync();
        var old = source.WebhookToken;
        using var done = new CancellationTokenSource();
        var rotated = 0;
        var sentAfter = 0;
        var flood = Enumerable.Range(0, 16).Select(async _ =>
        {
            while (!done.IsCancellationRequested)
            {
                var after = Volatile.Read(ref rotated) == 1;
                using var response = await source.SendWebhookAsync(with: old);
                if (after)
                {
                    Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
                    Interlocked.Increment(ref sentAfter);
                }
            }
        }).ToList();
        await Task.Delay(300, Deployment.Token);
        source.WebhookToken = await RotateAsync(source, overlapSeconds: 0);
        Volatile.Write(ref rotated, 1);
        await deployment.EventuallyAsync(() => Task.FromResult(Volatile.Read(ref sentAfter) > 100 ? "enough" : null), "requests after the rotation");
        await done.CancelAsync();
        await Task.WhenAll(flood);
        await source.WakeAsync();
    }

    private async Task<string> RotateAsync(WatchedSource source, int overlapSeconds) =>
        (await deployment.PostAsync($"/api/git/sources/{source.Id}/webhook/token", new { overlapSeconds }))["token"]!.GetValue<string>();

    private async Task<string> RefusedAsync(string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("{}") };
        if (token is not null)
            request.Headers.Add("X-Ampora-Webhook-Token", token);
        using var response = await deployment.Sender.SendAsync(request, Deployment.Token);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        var headers = response.Headers.Concat(response.Content.Headers).Where(h => h.Key is not "Date").Select(h => $"{h.Key}: {string.Join(',', h.Value)}").Order();
        return $"{string.Join('\n', headers)}\n\n{await response.Content.ReadAsStringAsync(Deployment.Token)}";
    }

    private async Task<long> RefusalsAsync(string subject)
    {
        var entries = (await deployment.GetAsync($"/api/audit?action=webhook.refused&subject={Uri.EscapeDataString(subject)}&limit=200"))["items"]!.AsArray();
        return entries.Sum(e => e!["count"]!.GetValue<long>());
    }
}
