using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Ingress.Tests;

public sealed class AuthenticationSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_webhook_with_the_token_is_accepted_recorded_and_wakes_the_source(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var before = await store.WakeupAsync("fleet");

        using var answer = await ingress.PostAsync("fleet", token, JsonContent.Create(new { @ref = "refs/heads/main" }));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal(["deliveryId", "verdict"], body.EnumerateObject().Select(p => p.Name));
        Assert.Equal("accepted", body.GetProperty("verdict").GetString());
        var delivery = Assert.Single(await store.DeliveriesAsync());
        Assert.Equal(body.GetProperty("deliveryId").GetString(), delivery.Id);
        Assert.Matches("^dlv_[0-9a-f]{32}$", delivery.Id);
        Assert.Equal(("fleet", "token", "accepted", "current", "127.0.0.1", "pending"),
            (delivery.SourceId, delivery.Provider, delivery.Verdict, delivery.SignedBy, delivery.RemoteIp, delivery.Result));
        Assert.Null(delivery.Event);
        var after = await store.WakeupAsync("fleet");
        Assert.Equal(before.Wanted + 1, after.Wanted);
        Assert.Equal(after.Wanted, after.WantedWebhook);
        await Eventually.HoldsAsync(() => ingress.Received.Wakeups.Any(w => w.Message.SourceId == "fleet"), "the wake-up is published");
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Everything_but_the_token_is_refused_alike_and_writes_nothing(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var token = await store.AddSourceAsync("fleet");
        var other = await store.AddSourceAsync("other");
        await store.AddSourceAsync("revoked");
        await store.RevokeAsync("revoked");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var before = await store.WakeupAsync("fleet");

        var header = TestIngress.TokenHeader;
        (string Path, string Headers)[] bad =
        [
            ("fleet", ""),
            ("fleet", $"{header}:\r\n"),
            ("fleet", $"{header}:   \r\n"),
            ("fleet", $"{header}: {Flipped(token)}\r\n"),
            ("fleet", $"{header}: {other}\r\n"),
            ("fleet", $"{header}: {token}x\r\n"),
            ("fleet", $"{header}: {token[..^1]}\r\n"),
            ("fleet", $"{header}: {token.ToUpperInvariant()}\r\n"),
            ("fleet", $"{header}: {token}\r\n{header}: {token}\r\n"),
            ("fleet", $"{header}: {token}\r\n{header}:\r\n"),
            ("fleet", $"{header}: {token}, {token}\r\n"),
            // UTF-8, as Latin-1 text here.
            ("fleet", $"{header}: {token}\u00c3\u00a9\r\n"),
            ("fleet", $"Authorization: Bearer {token}\r\n"),
            ("fleet", $"X-Gitlab-Token: {token}\r\n"),
            ("fleet", $"{header}: {new string('x', 16 * 1024)}\r\n"),
            ("fleet?token=", ""),
            ("fleet?token", ""),
            ($"fleet?token={Flipped(token)}", ""),
            ($"fleet?token={token}%20", ""),
            ($"fleet?token={token}+", ""),
            ($"fleet?token={token}%00", ""),
            ($"fleet?token={token}&token={token}", ""),
            ($"fleet?token=%FF{token}", ""),
            // The header is what counts when there is one, even an empty one.
            ($"fleet?token={token}", $"{header}: wrong\r\n"),
            ($"fleet?token={token}", $"{header}:\r\n"),
            ("unknown", $"{header}: {token}\r\n"),
            ("unknown", ""),
            ("revoked", $"{header}: {token}\r\n"),
            ("revoked", ""),
            // What can be no source's id is not even looked up.
            ("FLEET", $"{header}: {token}\r\n"),
            ("fleet%2f", $"{header}: {token}\r\n"),
            ("fleet%20", $"{header}: {token}\r\n"),
            ("fleet.", $"{header}: {token}\r\n"),
            ("..%2ffleet", $"{header}: {token}\r\n"),
            ("%c3%a9", $"{header}: {token}\r\n"),
            ("'%20OR%201=1--", $"{header}: {token}\r\n"),
            (new string('a', 64), $"{header}: {token}\r\n"),
            (new string('a', 4000), $"{header}: {token}\r\n"),
        ];
        var answers = new List<string>();
        foreach (var (path, headers) in bad)
        {
            var answer = await ingress.SendRawAsync($"POST /api/git/webhook/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{headers}\r\n");
            Assert.True(answer.StartsWith("HTTP/1.1 401 ", StringComparison.Ordinal), $"{path} {headers} → {answer}");
            answers.Add(string.Join("\r\n", answer.Split("\r\n").Where(l => !l.StartsWith("Date: ", StringComparison.Ordinal))));
        }

        // Not a byte tells one from another.
        Assert.Single(answers.Distinct());
        Assert.Contains("\"code\":\"webhook_refused\"", answers[0], StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answers[0], StringComparison.Ordinal);
        JsonDocument.Parse(answers[0][(answers[0].IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]).Dispose();
        Assert.Empty(await store.DeliveriesAsync());
        Assert.Equal(before.Wanted, (await store.WakeupAsync("fleet")).Wanted);
        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == bad.Length, "every refusal is counted");
    }

    [Fact]
    public async Task What_is_no_HTTP_is_a_bad_request_and_reaches_nobody()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        (string Request, string[] Statuses)[] bad =
        [
            ($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\0\r\n\r\n", ["400"]),
            ($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n folded\r\n\r\n", ["400", "401"]),
            ($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\u00ff\r\n\r\n", ["400", "401"]),
            ($"POST /api/git/webhook/fleet%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["400"]),
            ($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {new string('x', 64 * 1024)}\r\n\r\n", ["431"]),
            ($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["400"]),
            ($"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{TestIngress.TokenHeader}: {token}\r\n\r\nzz\r\n", ["400"]),
            ($"POST /api/git/webhook/../fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["404"]),
            // The shared endpoint: it needs a payload.
            ($"POST /api/git/webhook/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["400"]),
            ($"POST /api/git/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["400"]),
            ($"POST /api/git/webhook/fleet/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["404"]),
            ($"POST /healthz?/api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n\r\n", ["404", "405"]),
        ];
        foreach (var (request, statuses) in bad)
        {
            var answer = await ingress.SendRawAsync(request);
            Assert.Contains(answer.Split(' ')[1], statuses);
        }

        Assert.Empty(await store.DeliveriesAsync());
    }

    [Fact]
    public async Task White_space_around_a_header_is_no_part_of_it()
    {
        // RFC 9110, 5.5: the server takes it away before anybody sees the value; in a query it counts, and such a token is refused above.
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        var answer = await ingress.SendRawAsync(
            $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: \t{token} \t\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 202 ", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    [InlineData("PATCH")]
    public async Task Another_method_than_POST_is_not_allowed(string method)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        using var request = new HttpRequestMessage(new HttpMethod(method), $"/api/git/webhook/fleet?token={token}");
        using var answer = await ingress.Client.SendAsync(request, Cancellation);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["POST"], answer.Content.Headers.Allow);
        Assert.Empty(await store.DeliveriesAsync());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task After_a_rotation_only_the_new_token_counts_and_with_an_overlap_the_old_one_until_its_end(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var first = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        Assert.Equal(HttpStatusCode.Accepted, await StatusAsync(ingress, first));

        var second = await store.RotateAsync("fleet", TimeSpan.Zero);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(ingress, first));
        Assert.Equal(HttpStatusCode.Accepted, await StatusAsync(ingress, second));

        var third = await store.RotateAsync("fleet", TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.Accepted, await StatusAsync(ingress, second));
        Assert.Equal(HttpStatusCode.Accepted, await StatusAsync(ingress, third));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(ingress, first));
        Assert.Equal(["current", "current", "previous", "current"], (await store.DeliveriesAsync()).Select(d => d.SignedBy));

        // The overlap ends by the database's clock.
        await store.Database.WriteAsync(
            async (context, cancellation) =>
            {
                var secret = await context.WebhookSecrets.SingleAsync(cancellation);
                secret.PreviousValidUntil = await Store.Wakeups.SourceWakeups.NowAsync(context, cancellation);
                await context.SaveChangesAsync(cancellation);
            },
            Cancellation);
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(ingress, second));
        Assert.Equal(HttpStatusCode.Accepted, await StatusAsync(ingress, third));

        await store.RevokeAsync("fleet");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(ingress, third));
        await store.DeleteSourceAsync("fleet");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(ingress, third));

        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 5, "every refusal is counted");
        var reasons = (await store.AuditEntriesAsync("webhook.refused")).ToLookup(e => e.Detail["reason"], e => e.Count);
        Assert.Equal(2, reasons["secret_rotated"].Sum());
        Assert.Equal(1, reasons["token_mismatch"].Sum());
        Assert.Equal(1, reasons["secret_not_set"].Sum());
        Assert.Equal(1, reasons["source_unknown"].Sum());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_paused_source_keeps_the_delivery_as_ignored_and_is_not_woken(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var token = await store.AddSourceAsync("fleet", paused: true);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var before = await store.WakeupAsync("fleet");

        using var answer = await ingress.PostAsync("fleet", token);

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.Equal(("ignored", "source_paused"), (body.GetProperty("verdict").GetString(), body.GetProperty("reason").GetString()));
        var delivery = Assert.Single(await store.DeliveriesAsync());
        Assert.Equal((body.GetProperty("deliveryId").GetString(), "ignored", "source_paused"), (delivery.Id, delivery.Verdict, delivery.Reason));
        Assert.Equal(before.Wanted, (await store.WakeupAsync("fleet")).Wanted);
        Assert.DoesNotContain(ingress.Received.Wakeups, w => w.Message.SourceId == "fleet");
    }

    [Fact]
    public async Task The_event_is_kept_as_the_most_particular_header_names_it_cleaned_and_cut()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        // Beyond ASCII as the UTF-8 bytes that a sender puts on the wire.
        static string Wire(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
        (string Headers, string? Event)[] cases =
        [
            ("X-GitHub-Event: push\r\n", "push"),
            ("X-GitHub-Event: push\r\nX-Gitea-Event: release\r\n", "release"),
            ("X-GitHub-Event: a\r\nX-Gitea-Event: b\r\nX-Gogs-Event: c\r\nX-Forgejo-Event: d\r\n", "d"),
            ("X-Gitlab-Event: Push Hook\r\n", "Push Hook"),
            ("X-Event-Key: repo:push\r\n", "repo:push"),
            ("X-GitHub-Event:\r\n", null),
            ("X-GitHub-Event: a\tb\u001b[31mc\r\n", "ab[31mc"),
            ($"X-GitHub-Event: {Wire("a\u202eb\u2028c\u200bd")}\r\n", "abcd"),
            ($"X-GitHub-Event: {new string('x', 300)}\r\n", new string('x', 100)),
            ($"X-GitHub-Event: {new string('x', 99)}{Wire("\U0001f680")}\r\n", new string('x', 99)),
            ("X-GitHub-Event: first\r\nX-GitHub-Event: second\r\n", "first"),
        ];
        foreach (var (headers, _) in cases)
        {
            var answer = await ingress.SendRawAsync(
                $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{TestIngress.TokenHeader}: {token}\r\n{headers}\r\n");
            Assert.StartsWith("HTTP/1.1 202 ", answer, StringComparison.Ordinal);
        }

        Assert.Equal(cases.Select(c => c.Event), (await store.DeliveriesAsync()).Select(d => d.Event));
    }

    [Fact]
    public async Task A_token_is_in_no_log_and_no_trace_wherever_it_came_and_however_it_was_answered()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        using var spans = new CapturedSpans();
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var wrong = Flipped(token);

        Assert.Equal(HttpStatusCode.Accepted, (await ingress.PostAsync("fleet", token)).StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, (await ingress.PostAsync($"fleet?token={token}", null)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ingress.PostAsync("fleet", wrong)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ingress.PostAsync($"fleet?token={wrong}", null)).StatusCode);
        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 2, "the refusals are counted");

        foreach (var secret in new[] { token, wrong, Convert.ToBase64String(Encoding.UTF8.GetBytes(token)) })
        {
            Assert.DoesNotContain(ingress.Logs.Lines.Where(Shown), l => l.Text.Contains(secret, StringComparison.OrdinalIgnoreCase));
            Assert.DoesNotContain(spans.Texts, t => t.Contains(secret, StringComparison.OrdinalIgnoreCase));
            Assert.DoesNotContain(await store.AuditEntriesAsync("webhook.refused"), e => JsonSerializer.Serialize(e).Contains(secret, StringComparison.Ordinal));
        }

        // Below a warning, the framework shows whole requests and commands; only our own lines are shown at all then.
        static bool Shown((Microsoft.Extensions.Logging.LogLevel Level, string Category, string Text) line) =>
            line.Level >= Microsoft.Extensions.Logging.LogLevel.Warning || line.Category.StartsWith("Ampora", StringComparison.Ordinal);
    }

    private static async Task<HttpStatusCode> StatusAsync(TestIngress ingress, string token)
    {
        using var answer = await ingress.PostAsync("fleet", token);
        return answer.StatusCode;
    }

    private static string Flipped(string token) => token[..^1] + (token[^1] == '0' ? '1' : '0');
}
