using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tests;

public sealed class ExplainSpecs(Consoles consoles)
{
    private const string Secret = "a-secret-that-only-we-two-know";
    private const string Shared = "/api/git/deliveries/explain";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_sources_delivery_is_explained_as_ingress_would_judge_it_and_leaves_no_trace(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var url = $"https://github.com/{TestConsole.Unique("org")}/fleet.git";
        var id = await console.CreateSourceAsync(url: url);
        await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{id}/webhook", new { secret = Secret });
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { @ref = "main" });
        var path = $"/api/git/sources/{id}/webhook/explain";
        var before = await TraceAsync(console, id);

        var accepted = await ExplainAsync(console, path, Push(url, "refs/heads/main"), Secret);
        Assert.Equal(
            ["provider", "event", "refs", "repository", "verdict", "reason", "detail", "verifiedBy", "sources"], accepted.AsObject().Select(m => m.Key));
        Assert.Equal(("github", "push", "accepted"), (accepted.Text("provider"), accepted.Text("event"), accepted.Text("verdict")));
        Assert.Contains("main", accepted.Text("refs"), StringComparison.Ordinal);
        Assert.Equal((id, "current"), (accepted["verifiedBy"]!.Text("source"), accepted["verifiedBy"]!.Text("signedBy")));
        var source = Assert.Single(accepted["sources"]!.AsArray())!;
        Assert.Equal((id, "accepted", "main", true), (source.Text("sourceId"), source.Text("verdict"), source.Text("ref"), source["wouldWake"]!.GetValue<bool>()));

        var other = await ExplainAsync(console, path, Push(url, "refs/heads/other"), Secret);
        Assert.Equal(("ignored", "ref_not_tracked"), (other.Text("verdict"), other.Text("reason")));
        var ping = await ExplainAsync(console, path, """{"zen":"Keep it logically awesome."}""", Secret, "ping");
        Assert.Equal(("ignored", "ping"), (ping.Text("verdict"), ping.Text("reason")));
        var forged = await ExplainAsync(console, path, Push(url, "refs/heads/main"), "some-other-secret-entirely");
        Assert.Equal(("refused", "signature_mismatch"), (forged.Text("verdict"), forged.Text("reason")));
        Assert.Null(forged["verifiedBy"]);
        var token = await console.Admin.SendJsonAsync(
            HttpMethod.Post, path, new { headers = new Dictionary<string, string> { ["x-ampora-webhook-token"] = Secret }, body = "" });
        Assert.Equal(("refused", "method_mismatch"), (token.Text("verdict"), token.Text("reason")));
        Assert.NotEmpty(token.Text("detail"));

        Assert.Equal(before, await TraceAsync(console, id));
        foreach (var answer in new[] { accepted, other, ping, forged, token })
            Assert.DoesNotContain(Secret, answer.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain(console.Logs.Lines, line => line.Contains(Secret, StringComparison.Ordinal) || line.Contains(Signature(Push(url, "refs/heads/main"), Secret), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_shared_delivery_is_explained_for_each_source_on_its_repository(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var organisation = TestConsole.Unique("org");
        var url = $"https://github.com/{organisation}/fleet.git";
        var main = await SourceOnAsync(console, url, "main");
        var release = await SourceOnAsync(console, url, "release");
        var paused = await SourceOnAsync(console, url, "main", paused: true);
        var name = TestConsole.Unique("n");
        await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/webhook-secrets/{name}", new { provider = "github", prefix = $"github.com/{organisation}/", secret = Secret });

        var before = await TraceAsync(console, main);
        var answer = await ExplainAsync(console, Shared, Push(url, "refs/heads/main"), Secret);
        Assert.Equal(("accepted", name), (answer.Text("verdict"), answer["verifiedBy"]!.Text("secret")));
        Assert.Contains($"github.com/{organisation}/fleet", answer["repository"]!.AsArray().Select(k => k!.GetValue<string>()));
        var sources = answer["sources"]!.AsArray().ToDictionary(s => s!.Text("sourceId"), s => (s!.Text("verdict"), s!["reason"]?.GetValue<string>(), s!["wouldWake"]!.GetValue<bool>()));
        Assert.Equal(("accepted", null, true), sources[main]);
        Assert.Equal(("ignored", "ref_not_tracked", false), sources[release]);
        Assert.Equal(("ignored", "source_paused", false), sources[paused]);
        Assert.Equal(3, sources.Count);

        var elsewhere = await ExplainAsync(console, Shared, Push($"https://github.com/{organisation}/other.git", "refs/heads/main"), Secret);
        Assert.Equal(("ignored", "nothing_matched"), (elsewhere.Text("verdict"), elsewhere.Text("reason")));
        Assert.NotEmpty(elsewhere.Text("detail"));
        var unknown = await ExplainAsync(console, Shared, Push($"https://github.com/{organisation}x/other.git", "refs/heads/main"), Secret);
        Assert.Equal(("refused", "repository_unknown"), (unknown.Text("verdict"), unknown.Text("reason")));
        var forged = await ExplainAsync(console, Shared, Push(url, "refs/heads/main"), "some-other-secret-entirely");
        Assert.Equal(("refused", "signature_mismatch"), (forged.Text("verdict"), forged.Text("reason")));
        Assert.All(forged["sources"]!.AsArray(), s => Assert.False(s!["wouldWake"]!.GetValue<bool>()));
        Assert.Equal(before, await TraceAsync(console, main));

        // A source's own secret speaks for that source alone.
        await console.Admin.SendJsonAsync(HttpMethod.Delete, $"/api/git/webhook-secrets/{name}");
        await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{main}/webhook", new { secret = Secret });
        var own = await ExplainAsync(console, Shared, Push(url, "refs/heads/main"), Secret);
        Assert.Equal((main, "accepted"), (own["verifiedBy"]!.Text("source"), own.Text("verdict")));
        Assert.Equal([main], own["sources"]!.AsArray().Where(s => s!["wouldWake"]!.GetValue<bool>()).Select(s => s!.Text("sourceId")));
    }

    [Fact]
    public async Task A_delivery_whose_credentials_were_left_out_still_shows_whom_it_is_for()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var url = $"https://github.com/{TestConsole.Unique("org")}/fleet.git";
        var (main, release) = (await SourceOnAsync(console, url, "main"), await SourceOnAsync(console, url, "release"));
        await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{main}/webhook", new { secret = Secret });
        var unsigned = new { headers = new Dictionary<string, string> { ["X-GitHub-Event"] = "push" }, body = Push(url, "refs/heads/main") };

        var shared = await console.Admin.SendJsonAsync(HttpMethod.Post, Shared, unsigned);
        Assert.Equal(("refused", "signature_missing"), (shared.Text("verdict"), shared.Text("reason")));
        Assert.Equal(
            new Dictionary<string, bool> { [main] = true, [release] = false },
            shared["sources"]!.AsArray().ToDictionary(s => s!.Text("sourceId"), s => s!["matches"]!.GetValue<bool>()));

        var own = await console.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{main}/webhook/explain", unsigned);
        var source = Assert.Single(own["sources"]!.AsArray())!;
        Assert.Equal(("refused", "signature_missing", true, false), (source.Text("verdict"), source.Text("reason"), source["matches"]!.GetValue<bool>(), source["wouldWake"]!.GetValue<bool>()));

        var empty = await console.Admin.SendJsonAsync(
            HttpMethod.Post,
            $"/api/git/sources/{main}/webhook/explain",
            new { headers = new Dictionary<string, string> { ["X-GitHub-Event"] = "push", ["X-Hub-Signature-256"] = "" }, body = "{}" });
        Assert.Equal("signature_empty", empty.Text("reason"));
    }

    [Fact]
    public async Task A_limited_token_sees_its_sources_alone()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var organisation = TestConsole.Unique("org");
        var url = $"https://github.com/{organisation}/fleet.git";
        var (mine, others) = (await SourceOnAsync(console, url, "main"), await SourceOnAsync(console, url, "main"));
        foreach (var id in new[] { mine, others })
            await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{id}/webhook", new { secret = Secret });
        var limited = await console.ClientAsync("operator", sources: [mine]);
        var answer = await limited.SendJsonAsync(HttpMethod.Post, Shared, Signed(Push(url, "refs/heads/main"), Secret));
        Assert.Equal([mine], answer["sources"]!.AsArray().Select(s => s!.Text("sourceId")));
        Assert.DoesNotContain(others, answer.ToJsonString(), StringComparison.Ordinal);
        await limited.RefusedAsync(404, "source_not_found", HttpMethod.Post, $"/api/git/sources/{others}/webhook/explain", Signed("{}", Secret));
        await (await console.ClientAsync("viewer")).RefusedAsync(403, "forbidden", HttpMethod.Post, Shared, Signed("{}", Secret));
    }

    [Theory]
    [InlineData("""{"body":""}""", "headers")]
    [InlineData("""{"headers":[]}""", "headers")]
    [InlineData("""{"headers":{"a b":"x"}}""", "headers")]
    [InlineData("""{"headers":{"a":7}}""", "headers.a")]
    [InlineData("""{"headers":{"a":["x",7]}}""", "headers.a")]
    [InlineData("""{"headers":{},"body":{}}""", "body")]
    [InlineData("""{"headers":{},"bodyBase64":"%%%"}""", "bodyBase64")]
    [InlineData("""{"headers":{},"body":"x","bodyBase64":"eA=="}""", "bodyBase64")]
    [InlineData("""{"headers":{},"secret":"x"}""", "secret")]
    public async Task What_cannot_be_explained_is_named(string body, string field)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(422, "invalid_explanation", HttpMethod.Post, Shared, body);
        Assert.Equal([field], problem["errors"]!.AsObject().Select(e => e.Key));
    }

    [Fact]
    public async Task Headers_and_bodies_have_limits()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        async Task RefusedAsync(object body) => await console.Admin.RefusedAsync(422, "invalid_explanation", HttpMethod.Post, Shared, body);
        await RefusedAsync(new { headers = Enumerable.Range(0, 101).ToDictionary(i => $"x-{i}", _ => "v") });
        await RefusedAsync(new { headers = new { a = Enumerable.Repeat("v", 101) } });
        await RefusedAsync(new { headers = new { a = new string('v', (8 * 1024) + 1) } });
        await RefusedAsync(new { headers = new { }, body = new string('x', (1024 * 1024) + 1) });
        await RefusedAsync(new { headers = new { }, body = new string('é', (512 * 1024) + 1) });
        await RefusedAsync(new { headers = new { }, bodyBase64 = Convert.ToBase64String(new byte[(1024 * 1024) + 10]) });
        await console.Admin.RefusedAsync(413, "body_too_large", HttpMethod.Post, Shared, new { headers = new { }, body = new string('x', 9 * 1024 * 1024) });

        var fits = await console.Admin.SendJsonAsync(
            HttpMethod.Post, Shared, new { headers = Enumerable.Range(0, 100).ToDictionary(i => $"x-{i}", _ => "v"), body = new string('x', 1024 * 1024) });
        Assert.Equal("refused", fits.Text("verdict"));
    }

    [Theory]
    [InlineData("""{"headers":{}}""", "provider_unknown")]
    [InlineData("""{"headers":{"X-GitHub-Event":"push"}}""", "signature_missing")]
    [InlineData("""{"headers":{"X-GitHub-Event":"push","X-Hub-Signature-256":"sha256=00","content-type":"image/png"},"body":"x"}""", "unsupported_media_type")]
    public async Task What_ingress_would_not_read_is_said_to_be(string body, string reason)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var answer = await console.Admin.SendJsonAsync(HttpMethod.Post, Shared, body);
        Assert.Equal(("refused", reason), (answer.Text("verdict"), answer.Text("reason")));
        Assert.NotEmpty(answer.Text("detail"));
    }

    private static async Task<string> SourceOnAsync(TestConsole console, string url, string @ref, bool paused = false)
    {
        var id = await console.CreateSourceAsync(url: url, paused: paused);
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { @ref });
        return id;
    }

    private static Task<JsonNode> ExplainAsync(TestConsole console, string path, string body, string secret, string @event = "push") =>
        console.Admin.SendJsonAsync(HttpMethod.Post, path, Signed(body, secret, @event));

    private static object Signed(string body, string secret, string @event = "push") => new
    {
        headers = new Dictionary<string, object>
        {
            ["X-GitHub-Event"] = @event,
            ["content-type"] = new[] { "application/json" },
            ["X-Hub-Signature-256"] = $"sha256={Signature(body, secret)}",
        },
        bodyBase64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(body)),
    };

    private static string Signature(string body, string secret) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(body)));

    private static string Push(string url, string @ref) => new JsonObject
    {
        ["ref"] = @ref,
        ["after"] = new string('a', 40),
        ["repository"] = new JsonObject { ["clone_url"] = url, ["default_branch"] = "main" },
    }.ToJsonString();

    /// <summary>Everything that a delivery or an operator could have left.</summary>
    private static async Task<(long, long, int, int, int, DateTimeOffset?)> TraceAsync(TestConsole console, string id)
    {
        await using var context = console.Store.Read();
        var wakeup = await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop);
        return (
            wakeup.Wanted,
            wakeup.SecretVersion,
            await context.Deliveries.CountAsync(d => d.SourceId == id, Stop),
            await context.TurnedAway.CountAsync(t => t.SourceId == id, Stop),
            await context.CheckRequests.CountAsync(r => r.SourceId == id, Stop),
            wakeup.LastWebhookAt);
    }
}
