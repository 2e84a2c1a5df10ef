using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ampora.Webhooks;

namespace Ampora.Ingress.Tests;

/// <summary>A webhook as its Git host sends it.</summary>
/// <param name="Body">The bytes on the wire.</param>
internal sealed record Sending(byte[] Body)
{
    public string? ContentType { get; init; } = "application/json";

    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The event's headers of a Git host.</summary>
    public static Sending Of(string sender, string? eventName, byte[] body)
    {
        (string, string)[] headers = (sender, eventName) switch
        {
            (_, null) => [],
            (Senders.GitHub, _) => [("X-GitHub-Event", eventName), ("X-GitHub-Delivery", Guid.NewGuid().ToString())],
            (Senders.GitLab, _) => [("X-Gitlab-Event", eventName), ("X-Gitlab-Event-UUID", Guid.NewGuid().ToString())],
            (Senders.Gitea, _) => [("X-Gitea-Event", eventName), ("X-Gogs-Event", eventName), ("X-GitHub-Event", eventName), ("X-Gitea-Delivery", Guid.NewGuid().ToString())],
            (Senders.Forgejo, _) =>
                [("X-Forgejo-Event", eventName), ("X-Gitea-Event", eventName), ("X-Gogs-Event", eventName), ("X-GitHub-Event", eventName), ("X-Forgejo-Delivery", Guid.NewGuid().ToString())],
            (Senders.Gogs, _) => [("X-Gogs-Event", eventName), ("X-GitHub-Event", eventName), ("X-Gogs-Delivery", Guid.NewGuid().ToString())],
            (Senders.BitbucketCloud, _) => [("X-Event-Key", eventName), ("X-Hook-UUID", Guid.NewGuid().ToString()), ("X-Request-UUID", Guid.NewGuid().ToString())],
            (Senders.BitbucketServer, _) => [("X-Event-Key", eventName), ("X-Request-Id", Guid.NewGuid().ToString())],
            _ => [],
        };
        return new Sending(body) { Headers = headers };
    }

    public static Sending Of(string sender, string? eventName, object payload) => Of(sender, eventName, JsonSerializer.SerializeToUtf8Bytes(payload));

    public Sending With(string name, string value) => this with { Headers = [.. Headers, (name, value)] };

    public Sending Without(string name) => this with { Headers = [.. Headers.Where(h => !h.Name.Equals(name, StringComparison.OrdinalIgnoreCase))] };

    /// <summary>The same as a form, as some Git hosts send when they are asked to.</summary>
    public Sending AsForm() => this with
    {
        ContentType = "application/x-www-form-urlencoded",
        Body = Encoding.ASCII.GetBytes("payload=" + Uri.EscapeDataString(Encoding.UTF8.GetString(Body))),
    };

    /// <summary>Adds what the Git host of a method adds when it has this secret. Gitea and its kin sign the JSON, also of a form.</summary>
    public Sending Signed(WebhookMethod method, string secret, string? username = null, byte[]? json = null, DateTimeOffset? at = null)
    {
        var raw = Hex(secret, Body);
        var inner = Hex(secret, json ?? Body);
        if (method == WebhookMethod.Token)
            return With("X-Ampora-Webhook-Token", secret);
        if (method == WebhookMethod.GitHub)
            return With("X-Hub-Signature-256", $"sha256={raw}").With("X-Hub-Signature", $"sha1={new string('0', 40)}");
        if (method == WebhookMethod.Gitea)
            return With("X-Gitea-Signature", inner).With("X-Gogs-Signature", inner).With("X-Hub-Signature-256", $"sha256={inner}");
        if (method == WebhookMethod.Forgejo)
            return With("X-Forgejo-Signature", inner).With("X-Gitea-Signature", inner).With("X-Hub-Signature-256", $"sha256={inner}");
        if (method == WebhookMethod.Gogs)
            return With("X-Gogs-Signature", inner);
        if (method == WebhookMethod.BitbucketCloud || method == WebhookMethod.BitbucketServer)
            return With("X-Hub-Signature", $"sha256={raw}");
        if (method == WebhookMethod.AzureDevOps)
            return With("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username ?? "any"}:{secret}"))}");
        if (method == WebhookMethod.GitLab && !secret.StartsWith(SigningKey.Prefix, StringComparison.Ordinal))
            return With("X-Gitlab-Token", secret);
        return Standard(secret, at ?? TimeProvider.System.GetUtcNow());
    }

    /// <summary>With nothing in the header that should hold the signature, as a Git host without a secret sends it.</summary>
    public Sending EmptySigned(WebhookMethod method) => method.Name switch
    {
        "token" => With("X-Ampora-Webhook-Token", ""),
        "github" => With("X-Hub-Signature-256", "sha256="),
        "gitlab" => With("X-Gitlab-Token", ""),
        "gitea" => With("X-Gitea-Signature", ""),
        "forgejo" => With("X-Forgejo-Signature", ""),
        "gogs" => With("X-Gogs-Signature", ""),
        "azure-devops" => With("Authorization", $"Basic {Convert.ToBase64String("any:"u8)}"),
        "standard-webhooks" => With("webhook-id", "msg").With("webhook-timestamp", "1").With("webhook-signature", "v1,"),
        _ => With("X-Hub-Signature", "sha256="),
    };

    /// <summary>With one byte of the body changed, in a place that leaves it JSON.</summary>
    public Sending Tampered()
    {
        var body = (byte[])Body.Clone();
        var at = Array.FindLastIndex(body, b => b is >= (byte)'a' and < (byte)'f' or >= (byte)'0' and < (byte)'9');
        body[at]++;
        return this with { Body = body };
    }

    /// <summary>Sends it: to a source, or to the shared endpoint.</summary>
    public async Task<Answered> ToAsync(TestIngress ingress, string? source)
    {
        using var answer = await SendAsync(ingress.Client, source);
        var body = answer.Content.Headers.ContentLength == 0 ? default : await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        return new Answered((int)answer.StatusCode, body);
    }

    /// <summary>Sends it, and asks for no more than the status.</summary>
    public async Task<HttpStatusCode> StatusAsync(HttpClient client, string? source)
    {
        using var answer = await SendAsync(client, source);
        return answer.StatusCode;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpClient client, string? source)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, source is null ? "/api/git/webhook" : $"/api/git/webhook/{source}") { Content = new ByteArrayContent(Body) };
        if (ContentType is not null)
            request.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
        foreach (var (name, value) in Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request, Cancellation);
    }

    private Sending Standard(string secret, DateTimeOffset at)
    {
        const string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        var time = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var text = secret.StartsWith(SigningKey.Prefix, StringComparison.Ordinal) ? secret[SigningKey.Prefix.Length..] : secret;
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{id}.{time}."), .. Body];
        var signature = HMACSHA256.HashData(Convert.FromBase64String(text), signed);
        return With("webhook-id", id).With("webhook-timestamp", time).With("webhook-signature", $"v1,{Convert.ToBase64String(signature)}");
    }

    private static string Hex(string secret, byte[] body) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));
}

/// <summary>What came back.</summary>
internal sealed record Answered(int Status, JsonElement Body)
{
    public string? Verdict => Text("verdict");

    public string? Reason => Text("reason");

    public string? Detail => Text("detail");

    public string? Code => Text("code");

    public string DeliveryId => Text("deliveryId")!;

    public string[] Matched => [.. Body.GetProperty("matched").EnumerateArray().Select(m => m.GetString()!)];

    private string? Text(string name) => Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty(name, out var value) ? value.GetString() : null;
}
