using System.Text.Json.Nodes;
using Ampora.Database;
using Ampora.Store.Secrets;
using Ampora.Store.Webhooks;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class SharedSecretSpecs(Consoles consoles)
{
    private const string Secret = "an-organisations-secret";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_new_secret_is_generated_shown_once_and_verifies_for_its_prefix(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var (name, organisation) = (TestConsole.Unique("n"), TestConsole.Unique("org"));
        var path = $"/api/git/webhook-secrets/{name}";
        await console.Admin.RefusedAsync(404, "webhook_secret_not_found", HttpMethod.Get, path);
        using var response = await console.Admin.CallAsync(HttpMethod.Put, path, new { provider = "github", prefix = $"https://GitHub.com/{organisation}" });
        Assert.Equal(201, (int)response.StatusCode);
        Assert.True(response.Headers.CacheControl!.NoStore);
        Assert.Equal(path, response.Headers.Location?.ToString());
        Assert.Equal("\"1\"", response.Headers.ETag?.ToString());
        var made = JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop))!;
        var token = made.Text("token");
        Assert.True(AccessToken.IsWellFormed(token));
        Assert.Equal(
            (name, "api", "github", $"github.com/{organisation}/", "Secret", $"{console.Address}api/git/webhook"),
            (made.Text("name"), made.Text("origin"), made.Text("provider"), made.Text("prefix"), made.Text("field"), made.Text("url")));

        var found = await FindAsync(console, $"github.com/{organisation}/fleet");
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, token, null), Assert.Single(found.Secrets).Current);
        Assert.Empty((await FindAsync(console, $"github.com/{organisation}x/fleet")).Secrets);

        var shown = await console.Admin.GetJsonAsync(path);
        Assert.False(shown.AsObject().ContainsKey("token"));
        Assert.Single((await console.Admin.GetJsonAsync("/api/git/webhook-secrets?limit=200")).Items(), s => s.Text("name") == name);
        await using var context = console.Store.Read();
        foreach (var payload in await context.Outbox.Select(o => o.Payload).ToListAsync(Stop))
            Assert.DoesNotContain(token, payload, StringComparison.Ordinal);
        Assert.DoesNotContain(token, shown.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain(console.Logs.Lines, line => line.Contains(token, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_change_makes_stale_what_was_verified_under_the_old_and_the_new_prefix(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var (name, one, two) = (TestConsole.Unique("n"), TestConsole.Unique("org"), TestConsole.Unique("org"));
        string[] sources = [await console.CreateSourceAsync(url: $"https://github.com/{one}/a.git"), await console.CreateSourceAsync(url: $"https://github.com/{two}/a")];
        var other = await console.CreateSourceAsync(url: $"https://github.com/{one}x/a.git");
        var path = $"/api/git/webhook-secrets/{name}";
        var untouched = await VersionAsync(console, other);
        async Task ChangesAsync(Func<Task> change, params int[] which)
        {
            long[] before = [await VersionAsync(console, sources[0]), await VersionAsync(console, sources[1])];
            await change();
            for (var i = 0; i < 2; i++)
                Assert.Equal(which.Contains(i), await VersionAsync(console, sources[i]) > before[i]);
            Assert.Equal(untouched, await VersionAsync(console, other));
        }

        Task PutAsync(object body) => console.Admin.SendJsonAsync(HttpMethod.Put, path, body);
        await ChangesAsync(() => PutAsync(new { provider = "github", prefix = $"github.com/{one}/", secret = Secret }), 0);
        await ChangesAsync(() => PutAsync(new { provider = "github", prefix = $"github.com/{one}/" }));
        await ChangesAsync(() => PutAsync(new { provider = "github", prefix = $"github.com/{two}/" }), 0, 1);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, Secret, null), Assert.Single((await FindAsync(console, $"github.com/{two}/a")).Secrets).Current);
        Assert.Empty((await FindAsync(console, $"github.com/{one}/a")).Secrets);
        await ChangesAsync(() => console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token"), 1);
        await ChangesAsync(() => PutAsync(new { provider = "github", prefix = $"github.com/{two}/", secret = Secret, overlapSeconds = 60 }), 1);
        await ChangesAsync(() => PutAsync(new { provider = "github", prefix = $"github.com/{two}/", overlapSeconds = 0 }), 1);
        await ChangesAsync(() => console.Admin.SendJsonAsync(HttpMethod.Delete, path), 1);
        Assert.Empty((await FindAsync(console, $"github.com/{two}/a")).Secrets);
        await console.Admin.RefusedAsync(404, "webhook_secret_not_found", HttpMethod.Delete, path);
        await console.Admin.RefusedAsync(404, "webhook_secret_not_found", HttpMethod.Post, $"{path}/token");
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_rotation_overlaps_when_it_is_asked_for_and_ends_at_once_otherwise(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var (name, organisation) = (TestConsole.Unique("n"), TestConsole.Unique("org"));
        var path = $"/api/git/webhook-secrets/{name}";
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { provider = "gitlab", prefix = $"gitlab.com/{organisation}/", secret = Secret });
        using var response = await console.Admin.CallAsync(HttpMethod.Post, $"{path}/token", new { overlapSeconds = 600, signing = true });
        Assert.True(response.Headers.CacheControl!.NoStore);
        var rotated = JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop))!;
        Assert.Equal("Signing token", rotated.Text("field"));
        Assert.NotNull(rotated["previousValidUntil"]);
        var found = Assert.Single((await FindAsync(console, $"gitlab.com/{organisation}/a", "gitlab")).Secrets);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitLab, rotated.Text("token"), null), found.Current);
        Assert.Equal((WebhookSecret.Of(WebhookMethod.GitLab, Secret, null), true), (found.Previous, found.PreviousIsValid));

        await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token");
        found = Assert.Single((await FindAsync(console, $"gitlab.com/{organisation}/a", "gitlab")).Secrets);
        Assert.False(found.PreviousIsValid);
        Assert.Null((await console.Admin.GetJsonAsync(path))["previousValidUntil"]);
    }

    [Fact]
    public async Task What_was_read_can_be_put_back_on_the_version_that_was_read()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var (name, organisation) = (TestConsole.Unique("n"), TestConsole.Unique("org"));
        var path = $"/api/git/webhook-secrets/{name}";
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { provider = "azure-devops", prefix = $"dev.azure.com/{organisation}/", username = "hooks", secret = Secret });
        using var read = await console.Admin.CallAsync(HttpMethod.Get, path);
        using var put = await console.Admin.CallAsync(HttpMethod.Put, path, await read.Content.ReadAsStringAsync(Stop), ("If-Match", read.Headers.ETag!.ToString()));
        Assert.Equal((200, read.Headers.ETag), ((int)put.StatusCode, put.Headers.ETag));
        Assert.DoesNotContain(Secret, await put.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);

        var body = new { provider = "azure-devops", prefix = $"dev.azure.com/{organisation}/", username = (string?)null };
        var changed = await console.Admin.SendJsonAsync(HttpMethod.Put, path, body, ("If-Match", "\"1\""));
        Assert.Null(changed["username"]);
        await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Put, path, body, ("If-Match", "\"1\""));
        await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Delete, path, null, ("If-Match", "\"1\""));
        await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Post, $"{path}/token", null, ("If-Match", "\"1\""));
        await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Put, $"{path}-new", body, ("If-Match", "\"1\""));
    }

    [Theory]
    [InlineData("""{"prefix":"github.com/acme/"}""", "provider")]
    [InlineData("""{"provider":"token","prefix":"github.com/acme/"}""", "provider")]
    [InlineData("""{"provider":"aws-sns","prefix":"github.com/acme/"}""", "provider")]
    [InlineData("""{"provider":"github"}""", "prefix")]
    [InlineData("""{"provider":"github","prefix":""}""", "prefix")]
    [InlineData("""{"provider":"github","prefix":"/"}""", "prefix")]
    [InlineData("""{"provider":"github","prefix":"github.com/acme/","secret":""}""", "secret")]
    [InlineData("""{"provider":"github","prefix":"github.com/acme/","secret":"two\nlines"}""", "secret")]
    [InlineData("""{"provider":"github","prefix":"github.com/acme/","username":"ada"}""", "username")]
    [InlineData("""{"provider":"github","prefix":"github.com/acme/","overlapSeconds":-1}""", "overlapSeconds")]
    [InlineData("""{"provider":"github","prefix":"github.com/acme/","token":"x"}""", "token")]
    public async Task A_bad_secret_is_refused_by_field_and_repeats_nothing_secret(string body, string field)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(422, "invalid_webhook_secret", HttpMethod.Put, $"/api/git/webhook-secrets/{TestConsole.Unique("n")}", body);
        Assert.Equal([field], problem["errors"]!.AsObject().Select(e => e.Key));
        Assert.DoesNotContain("two", problem.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_is_a_slug_and_a_provider_never_changes()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var body = new { provider = "github", prefix = "github.com/acme/" };
        foreach (var name in new[] { "Acme", "a_b", "a%20b", new string('a', 64) })
            await console.Admin.RefusedAsync(422, "invalid_webhook_secret", HttpMethod.Put, $"/api/git/webhook-secrets/{name}", body);
        var path = $"/api/git/webhook-secrets/{TestConsole.Unique("n")}";
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, body);
        var problem = await console.Admin.RefusedAsync(422, "invalid_webhook_secret", HttpMethod.Put, path, new { provider = "gitea", prefix = "github.com/acme/" });
        Assert.NotNull(problem["errors"]!["provider"]);
        await console.Admin.SendJsonAsync(HttpMethod.Delete, path);
    }

    [Fact]
    public async Task Those_of_the_configuration_are_listed_and_not_changed_here()
    {
        await using var console = await TestConsole.StartAsync(
            await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite),
            settings:
            [
                ("Ampora:Webhooks:Secrets:acme:Provider", "github"), ("Ampora:Webhooks:Secrets:acme:Prefix", "github.com/acme"), ("Ampora:Webhooks:Secrets:acme:Secret", Secret),
            ]);
        await console.Admin.SendJsonAsync(HttpMethod.Put, "/api/git/webhook-secrets/aaa", new { provider = "github", prefix = "github.com/a/" });
        await console.Admin.SendJsonAsync(HttpMethod.Put, "/api/git/webhook-secrets/zzz", new { provider = "github", prefix = "github.com/z/" });
        var names = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await console.Admin.GetJsonAsync($"/api/git/webhook-secrets?limit=1&cursor={cursor}");
            names.AddRange(page.Items().Select(s => $"{s.Text("name")} {s.Text("origin")} {s.Text("prefix")}"));
            Assert.DoesNotContain(Secret, page.ToJsonString(), StringComparison.Ordinal);
            cursor = page["next"]?.GetValue<string>();
        }

        Assert.Equal(["aaa api github.com/a/", "acme configuration github.com/acme/", "zzz api github.com/z/"], names);
        const string path = "/api/git/webhook-secrets/acme";
        Assert.Equal("configuration", (await console.Admin.GetJsonAsync(path)).Text("origin"));
        await console.Admin.RefusedAsync(409, "webhook_secret_configured", HttpMethod.Put, path, new { provider = "github", prefix = "github.com/acme/" });
        await console.Admin.RefusedAsync(409, "webhook_secret_configured", HttpMethod.Post, $"{path}/token");
        await console.Admin.RefusedAsync(409, "webhook_secret_configured", HttpMethod.Delete, path);
        Assert.DoesNotContain(console.Logs.Lines, line => line.Contains(Secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task One_created_twice_at_once_exists_once(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var path = $"/api/git/webhook-secrets/{TestConsole.Unique("n")}";
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => console.Admin.CallAsync(HttpMethod.Put, path, new { provider = "github", prefix = "github.com/twice/" })));
        Assert.Equal([200, 200, 200, 200, 200, 201], answers.Select(a => (int)a.StatusCode).Order());
    }

    private static Task<SharedCandidates> FindAsync(TestConsole console, string key, string provider = "github") =>
        console.Services.GetRequiredService<WebhookReader>().FindAsync(new DeliveryRepository([key], [], null), provider, Stop);

    private static async Task<long> VersionAsync(TestConsole console, string id)
    {
        await using var context = console.Store.Read();
        return await context.Wakeups.Where(w => w.SourceId == id).Select(w => w.SecretVersion).SingleAsync(Stop);
    }
}
