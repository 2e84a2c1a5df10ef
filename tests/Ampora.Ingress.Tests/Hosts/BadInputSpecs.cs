using System.Text;
using Ampora.Database;
using Ampora.TestServers;
using Ampora.Webhooks;

namespace Ampora.Ingress.Tests.Hosts;

/// <summary>What no Git host sends, at both endpoints.</summary>
public sealed class BadInputSpecs(PostgresServer postgres)
{
    private const string Url = "https://git.example/acme/fleet.git";

    [Fact]
    public async Task Wrong_credentials_are_refused_alike_at_both_endpoints()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Url);
        var other = await store.AddSourceAsync("other", WebhookMethod.GitHub, "https://git.example/acme/other.git");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var push = MethodSpecs.Push("github").Without("X-GitHub-Delivery");
        var body = Encoding.UTF8.GetString(push.Body);
        var digits = push.Signed(WebhookMethod.GitHub, secret).Headers.Single(h => h.Name == "X-Hub-Signature-256").Value["sha256=".Length..];
        string[] wrong =
        [
            "",
            "X-Hub-Signature-256:\r\n",
            "X-Hub-Signature-256: sha256=\r\n",
            $"X-Hub-Signature-256: {digits}\r\n",
            $"X-Hub-Signature-256: sha1={digits[..40]}\r\n",
            $"X-Hub-Signature: sha1={digits[..40]}\r\n",
            $"X-Hub-Signature-256: sha256={digits}0\r\n",
            $"X-Hub-Signature-256: sha256={digits[..^1]}\r\n",
            $"X-Hub-Signature-256: sha256={digits[..^1]}{(digits[^1] == '0' ? '1' : '0')}\r\n",
            $"X-Hub-Signature-256: sha256={digits}\r\nX-Hub-Signature-256: sha256={digits}\r\n",
            $"X-Hub-Signature-256: sha256={digits}, sha256={digits}\r\n",
            $"X-Hub-Signature-256: sha256={digits[..^1]}\u00c3\u00a9\r\n",
            $"X-Hub-Signature-256: sha256={new string('0', 16 * 1024)}\r\n",
            $"X-Hub-Signature: sha256={digits}\r\n",
            $"X-Gitea-Signature: {digits}\r\n",
            $"X-Gitlab-Token: {secret}\r\n",
            $"X-Ampora-Webhook-Token: {secret}\r\n",
            $"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"x:{secret}"))}\r\n",
            $"Authorization: Bearer {secret}\r\n",
            $"{Header(MethodSpecs.Push("github").Signed(WebhookMethod.GitHub, other))}",
        ];
        var answers = new List<string>();
        foreach (var path in new[] { "/fleet", "/nobody", "", $"/fleet?token={secret}" })
        {
            foreach (var header in wrong)
                answers.Add(await SendAsync(path, header, body));
            // A body that was serialised again.
            answers.Add(await SendAsync(path == "/nobody" ? path : path.Split('?')[0], $"X-Hub-Signature-256: sha256={digits}\r\n", body.Replace(":", ": ", StringComparison.Ordinal)));
        }

        Assert.Single(answers.Distinct());
        Assert.StartsWith("HTTP/1.1 401 ", answers[0], StringComparison.Ordinal);
        Assert.Empty(await store.DeliveriesAsync());
        Assert.Empty(await store.WokenAsync());

        async Task<string> SendAsync(string path, string header, string text)
        {
            var answer = await ingress.SendRawAsync(
                $"POST /api/git/webhook{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nContent-Length: {text.Length}\r\n{header}\r\n{text}");
            return string.Join("\r\n", answer.Split("\r\n").Where(l => !l.StartsWith("Date: ", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_payload_of_any_shape_is_taken_or_called_malformed_and_breaks_nothing()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Url);
        var shared = await store.AddSharedSecretAsync("acme", WebhookMethod.GitHub, "git.example/");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        const string repository = "\"repository\":{\"clone_url\":\"https://git.example/acme/fleet.git\"}";
        string[] payloads =
        [
            "", " ", "null", "true", "5", "\"text\"", "[]", "{}", "{", "}", "{]", "[[[[", "{\"ref\":}", "{\"a\":1}{\"b\":2}", "\ufeff{}", "not json",
            new string('[', 10_000),
            $"{{{repository},\"ref\":\"refs/heads/main\",\"x\":{new string('[', 10_000)}{new string(']', 10_000)}}}",
            $"{{\"x\":{string.Concat(Enumerable.Repeat("{\"x\":", 10_000))}1{new string('}', 10_000)},{repository}}}",
            "{\"repository\":null}", "{\"repository\":[]}", "{\"repository\":\"boom\"}", "{\"repository\":{}}", "{\"repository\":{\"clone_url\":null}}",
            "{\"repository\":{\"clone_url\":{}}}", "{\"repository\":{\"links\":{\"clone\":\"boom\"}}}", "{\"repository\":{\"clone_url\":\"boom\"}}",
            $"{{{repository},\"refs\":{{}}}}", $"{{{repository},\"ref\":{{}}}}", $"{{{repository},\"ref\":[]}}", $"{{{repository},\"ref\":null,\"after\":5}}", $"{{{repository},\"ref\":\"{new string('x', 100_000)}\"}}",
            $"{{{repository},\"ref\":\"refs/heads/a\\r\\n\\u001b[31m\\u0000\\ud800\",\"after\":\"\\u0000\"}}",
            $"{{{string.Concat(Enumerable.Repeat(repository + ",", 1000))}\"ref\":\"refs/heads/main\"}}",
            $"{{\"commits\":[{string.Join(',', Enumerable.Repeat("{}", 100_000))}],{repository}}}",
        ];
        foreach (var (text, form) in payloads.Select(p => (p, false)).Concat(payloads.Select(p => (p, true))).Append(("payload", true)))
        {
            var sending = new Sending(Encoding.UTF8.GetBytes(text)).With("X-GitHub-Event", "push");
            if (form)
                sending = text == "payload" ? sending with { ContentType = "application/x-www-form-urlencoded" } : sending.AsForm();
            // A verified sender may send what it likes to its own source: it is at worst a reason to look.
            Assert.Equal((text, 202), (text, (await sending.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Status));
            Assert.Contains((await sending.Signed(WebhookMethod.GitHub, shared).ToAsync(ingress, null)).Status, new[] { 202, 400 });
            Assert.Contains((await sending.Signed(WebhookMethod.GitHub, "nobody's secret").ToAsync(ingress, null)).Status, new[] { 400, 401 });
            Assert.Equal(401, (await sending.Signed(WebhookMethod.GitHub, "nobody's secret").ToAsync(ingress, "fleet")).Status);
        }

        // Whatever a name holds, a line of the log stays a line.
        Assert.DoesNotContain(ingress.Logs.Lines.Where(l => l.Category.StartsWith("Ampora", StringComparison.Ordinal)), l => l.Text.Contains('\u001b', StringComparison.Ordinal));
        Assert.DoesNotContain(await store.DeliveriesAsync(), d => d.Refs?.Any(char.IsControl) == true);
    }

    [Fact]
    public async Task A_compressed_body_or_another_kind_of_body_is_415_where_it_must_be_read()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var secret = await store.AddSourceAsync("fleet", WebhookMethod.GitHub, Url);
        var token = await store.AddSourceAsync("by-token", WebhookMethod.Token, Url);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var push = MethodSpecs.Push("github");
        var zipped = push.With("Content-Encoding", "gzip");

        Assert.Equal(415, (await zipped.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Status);
        // Also for nobody: what is read depends on the request alone.
        Assert.Equal(415, (await zipped.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "nobody")).Status);
        Assert.Equal(415, (await zipped.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, null)).Status);
        Assert.Equal(202, (await zipped.Signed(WebhookMethod.Token, token).ToAsync(ingress, "by-token")).Status);
        Assert.Equal(202, (await push.With("Content-Encoding", "identity").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, null)).Status);
        foreach (var (type, status) in new (string?, int)[]
        {
            (null, 202), ("application/json; charset=utf-8", 202), ("application/vnd.github+json", 202), ("text/plain", 202), ("APPLICATION/JSON", 202),
            ("application/octet-stream", 415), ("multipart/form-data; boundary=x", 415), ("text/html", 415), ("nonsense", 415), ("application/json;;;", 415),
        })
        {
            var typed = push with { ContentType = type };
            Assert.Equal((type, status), (type, (await typed.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, null)).Status));
            Assert.Equal((type, 202), (type, (await typed.Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, "fleet")).Status));
        }
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task The_shared_endpoint_takes_POST_alone(string method)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        using var request = new HttpRequestMessage(new HttpMethod(method), "/api/git/webhook");
        using var answer = await ingress.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(405, (int)answer.StatusCode);
        Assert.Equal(["POST"], answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task No_secret_and_no_signature_is_in_a_log_a_trace_or_the_ledger()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        using var spans = new CapturedSpans();
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var secrets = new List<string>();
        foreach (var method in WebhookMethod.All)
        {
            var secret = await store.AddSourceAsync(method.Name, method, Url);
            var wrong = TestStore.Generate(method);
            secrets.AddRange([secret, wrong, Convert.ToBase64String(Encoding.UTF8.GetBytes($"any:{wrong}"))]);
            Assert.Equal(202, (await MethodSpecs.Push(method.Name).Signed(method, secret).ToAsync(ingress, method.Name)).Status);
            Assert.Equal(401, (await MethodSpecs.Push(method.Name).Signed(method, wrong).ToAsync(ingress, method.Name)).Status);
            Assert.Equal(401, (await MethodSpecs.Push(method.Name).Signed(method, wrong).ToAsync(ingress, null)).Status);
        }

        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 2 * WebhookMethod.All.Count, "all are counted");
        var rows = (await store.TurnedAwayAsync()).Select(t => $"{t.Detail} {t.Repository} {t.Kind}").ToList();
        foreach (var secret in secrets)
        {
            Assert.DoesNotContain(ingress.Logs.Lines.Where(l => l.Level >= Microsoft.Extensions.Logging.LogLevel.Warning || l.Category.StartsWith("Ampora", StringComparison.Ordinal)), l => l.Text.Contains(secret, StringComparison.Ordinal));
            Assert.DoesNotContain(spans.Texts, t => t.Contains(secret, StringComparison.Ordinal));
            Assert.DoesNotContain(rows, t => t.Contains(secret, StringComparison.Ordinal));
        }
    }

    private static string Header(Sending sending) => string.Concat(sending.Headers.Where(h => h.Name == "X-Hub-Signature-256").Select(h => $"{h.Name}: {h.Value}\r\n"));
}
