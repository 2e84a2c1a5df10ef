using System.Text.Json.Nodes;
using Ampora.Database;
using Ampora.Store.Secrets;
using Ampora.Store.Webhooks;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class WebhookMethodSpecs(Consoles consoles)
{
    private const string Secret = "an-operators-own-secret";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static TheoryData<string, string, string> Hosts => new()
    {
        { "https://github.com/acme/fleet.git", "github", "Secret" },
        { "https://gitlab.com/acme/group/fleet.git", "gitlab", "Secret token" },
        { "https://bitbucket.org/acme/fleet", "bitbucket-cloud", "Secret" },
        { "https://codeberg.org/acme/fleet", "forgejo", "Secret" },
        { "https://gitea.com/acme/fleet", "gitea", "Secret" },
        { "https://dev.azure.com/acme/p/_git/fleet", "azure-devops", "Basic authentication password" },
        { "https://acme.visualstudio.com/p/_git/fleet", "azure-devops", "Basic authentication password" },
        { "https://github.acme.example/platform/fleet.git", "github", "Secret" },
        { "https://gogs.acme.example/platform/fleet.git", "gogs", "Secret" },
        { "https://bitbucket.acme.example/scm/PLAT/fleet.git", "bitbucket-server", "Secret" },
        { "https://git.example.com/platform/fleet.git", "token", "X-Ampora-Webhook-Token header" },
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public async Task The_method_is_that_of_the_urls_host_and_one_call_makes_what_it_needs(string url, string auth, string field)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync(url: url);
        var webhook = await WebhookAsync(console, id);
        Assert.Equal((auth, field, false), (webhook.Text("auth"), webhook.Text("field"), webhook["hasSecret"]!.GetValue<bool>()));

        var made = await console.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/webhook/token");
        Assert.Equal((field, $"{console.Address}api/git/webhook/{id}"), (made.Text("field"), made.Text("url")));
        await AssertCurrentAsync(console, id, auth, made.Text("token"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_method_can_be_set_with_a_secret_that_is_never_shown(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        foreach (var method in WebhookMethod.All)
        {
            var secret = method == WebhookMethod.StandardWebhooks ? SigningKey.Generate() : Secret;
            var set = await console.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{id}/webhook", new { auth = method.Name, secret });
            Assert.Equal((method.Name, method.Field, true), (set.Text("auth"), set.Text("field"), set["hasSecret"]!.GetValue<bool>()));
            Assert.Equal(
                ["auth", "url", "field", "username", "hasSecret", "createdAt", "previousValidUntil", "lastUsedAt", "previousLastUsedAt", "lastSignedBy"],
                set.AsObject().Select(m => m.Key));
            await AssertCurrentAsync(console, id, method.Name, secret);

            await using var context = console.Store.Read();
            var row = await context.WebhookSecrets.AsNoTracking().SingleAsync(s => s.SourceId == id, Stop);
            Assert.True(row.SecretHash is null != row.SecretEncrypted is null);
            Assert.True((row.SecretEncrypted ?? []).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(secret)) < 0);
            Assert.All(await context.Outbox.Select(o => o.Payload).ToListAsync(Stop), payload => Assert.DoesNotContain(secret, payload, StringComparison.Ordinal));
            Assert.DoesNotContain(secret, (await console.Admin.GetJsonAsync($"/api/git/sources/{id}")).ToJsonString(), StringComparison.Ordinal);
            Assert.DoesNotContain(console.Logs.Lines, line => line.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Another_method_keeps_no_secret_unless_the_old_one_overlaps_with_its_own_method(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}/webhook";
        var token = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token")).Text("token");
        var before = await VersionAsync(console, id);

        var changed = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { auth = "github" });
        Assert.Equal(("github", false), (changed.Text("auth"), changed["hasSecret"]!.GetValue<bool>()));
        Assert.Null(changed["createdAt"]);
        Assert.Null(changed["previousValidUntil"]);
        var stored = await ReadAsync(console, id);
        Assert.Null(stored.Current);
        Assert.False(stored.PreviousIsValid);
        Assert.True(await VersionAsync(console, id) > before);

        await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { auth = "token", secret = Secret });
        var overlapping = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { auth = "github", overlapSeconds = 600 });
        Assert.False(overlapping["hasSecret"]!.GetValue<bool>());
        Assert.NotNull(overlapping["previousValidUntil"]);
        stored = await ReadAsync(console, id);
        Assert.Null(stored.Current);
        Assert.True(stored.PreviousIsValid);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.Token, Secret, null), stored.Previous);

        // The new one is made while the old one still counts: that is what the overlap is for.
        var made = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token");
        Assert.NotNull(made["previousValidUntil"]);
        stored = await ReadAsync(console, id);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, made.Text("token"), null), stored.Current);
        Assert.Equal((WebhookMethod.Token, true), (stored.Previous!.Method, stored.PreviousIsValid));
        Assert.NotEqual(token, made.Text("token"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_second_rotation_in_an_overlap_replaces_the_previous_secret_and_an_overlap_can_be_ended(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync(url: "https://github.com/acme/fleet.git");
        var path = $"/api/git/sources/{id}/webhook";
        var secrets = new List<string>();
        for (var i = 0; i < 3; i++)
            secrets.Add((await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token", new { overlapSeconds = 600 })).Text("token"));
        var stored = await ReadAsync(console, id);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, secrets[2], null), stored.Current);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, secrets[1], null), stored.Previous);

        var longer = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { overlapSeconds = 3600 });
        Assert.True(longer["previousValidUntil"]!.GetValue<DateTimeOffset>() > TimeProvider.System.GetUtcNow().AddSeconds(3000));
        var version = await VersionAsync(console, id);
        var ended = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { overlapSeconds = 0 });
        Assert.Null(ended["previousValidUntil"]);
        Assert.False((await ReadAsync(console, id)).PreviousIsValid);
        Assert.True(await VersionAsync(console, id) > version);
        // What has ended cannot be brought back.
        Assert.Null((await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { overlapSeconds = 3600 }))["previousValidUntil"]);
        Assert.False((await ReadAsync(console, id)).PreviousIsValid);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_put_that_changes_nothing_changes_nothing_and_a_user_name_is_changed_alone(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync(url: "https://dev.azure.com/acme/p/_git/fleet");
        var path = $"/api/git/sources/{id}/webhook";
        var named = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { username = "hooks" });
        Assert.Equal(("hooks", false), (named.Text("username"), named["hasSecret"]!.GetValue<bool>()));
        var token = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token")).Text("token");
        var expected = WebhookSecret.Of(WebhookMethod.AzureDevOps, token, "hooks");
        Assert.Equal(expected, (await ReadAsync(console, id)).Current);

        var version = await VersionAsync(console, id);
        foreach (var same in new object[] { new { }, new { auth = "azure-devops" }, new { auth = (string?)null, username = "hooks" }, new { overlapSeconds = 60 } })
            await console.Admin.SendJsonAsync(HttpMethod.Put, path, same);
        Assert.Equal(version, await VersionAsync(console, id));
        Assert.Equal(expected, (await ReadAsync(console, id)).Current);

        Assert.Null((await console.Admin.SendJsonAsync(HttpMethod.Put, path, """{"username":null}"""))["username"]);
        Assert.Equal(expected with { Username = null }, (await ReadAsync(console, id)).Current);
        Assert.True(await VersionAsync(console, id) > version);
    }

    [Fact]
    public async Task Gitlabs_token_becomes_a_signing_token_in_an_overlap_and_stays_one()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var id = await console.CreateSourceAsync(url: "https://gitlab.com/acme/fleet.git");
        var path = $"/api/git/sources/{id}/webhook";
        var plain = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token");
        Assert.Equal("Secret token", plain.Text("field"));
        Assert.True(AccessToken.IsWellFormed(plain.Text("token")));

        var signing = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token", new { signing = true, overlapSeconds = 600 });
        Assert.Equal("Signing token", signing.Text("field"));
        Assert.StartsWith("whsec_", signing.Text("token"), StringComparison.Ordinal);
        var stored = await ReadAsync(console, id);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitLab, signing.Text("token"), null), stored.Current);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitLab, plain.Text("token"), null), stored.Previous);
        Assert.Equal("Signing token", (await WebhookAsync(console, id)).Text("field"));

        Assert.StartsWith("whsec_", (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token")).Text("token"), StringComparison.Ordinal);
        Assert.Equal("Secret token", (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token", new { signing = false })).Text("field"));
    }

    [Fact]
    public async Task Another_url_does_not_change_the_method_and_null_brings_the_hosts_back()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var id = await console.CreateSourceAsync(url: "https://github.com/acme/fleet.git");
        var path = $"/api/git/sources/{id}";
        var token = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/webhook/token")).Text("token");
        const string url = "https://gitlab.com/acme/fleet.git";
        Assert.Equal("github", (await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { url }))["webhook"]!.Text("auth"));
        var replaced = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { url });
        Assert.Equal(("github", true), (replaced["webhook"]!.Text("auth"), replaced["webhook"]!["hasSecret"]!.GetValue<bool>()));
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, token, null), (await ReadAsync(console, id)).Current);

        var reset = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, """{"webhook":null}""");
        Assert.Equal(("gitlab", false), (reset["webhook"]!.Text("auth"), reset["webhook"]!["hasSecret"]!.GetValue<bool>()));
        var put = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { url, webhook = new { auth = "gitlab", secret = Secret } });
        Assert.True(put["webhook"]!["hasSecret"]!.GetValue<bool>());
        await AssertCurrentAsync(console, id, "gitlab", Secret);

        // What was read can be put back.
        var version = await VersionAsync(console, id);
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, (await console.Admin.GetJsonAsync(path)).ToJsonString());
        Assert.Equal(version, await VersionAsync(console, id));
    }

    [Fact]
    public async Task A_source_is_created_with_the_secret_that_its_host_has_already()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var id = TestConsole.Unique("s");
        var made = await console.Admin.SendJsonAsync(
            HttpMethod.Post, "/api/git/sources", new { id, url = "https://git.example.com/x.git", webhook = new { auth = "bitbucket-server", secret = Secret, username = "hooks" } });
        Assert.Equal(("bitbucket-server", true), (made["webhook"]!.Text("auth"), made["webhook"]!["hasSecret"]!.GetValue<bool>()));
        Assert.Equal(WebhookSecret.Of(WebhookMethod.BitbucketServer, Secret, "hooks"), (await ReadAsync(console, id)).Current);
        Assert.DoesNotContain(Secret, made.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"auth":"sha1"}""", "auth")]
    [InlineData("""{"auth":7}""", "auth")]
    [InlineData("""{"auth":"GitHub"}""", "auth")]
    [InlineData("""{"secret":""}""", "secret")]
    [InlineData("""{"secret":" swordfish-with-a-space"}""", "secret")]
    [InlineData("""{"secret":"a-secret-with-a-line\nbreak"}""", "secret")]
    [InlineData("""{"secret":["a-secret-in-an-array"]}""", "secret")]
    [InlineData("""{"auth":"standard-webhooks","secret":"whsec_AAAA"}""", "secret")]
    [InlineData("""{"auth":"github","username":"ada"}""", "username")]
    [InlineData("""{"auth":"azure-devops","username":"a:b"}""", "username")]
    [InlineData("""{"overlapSeconds":-1}""", "overlapSeconds")]
    [InlineData("""{"overlapSeconds":2592001}""", "overlapSeconds")]
    [InlineData("""{"token":"x"}""", "token")]
    public async Task A_bad_webhook_is_refused_by_field_and_repeats_no_secret(string body, string field)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync();
        var problem = await console.Admin.RefusedAsync(422, "invalid_webhook", HttpMethod.Put, $"/api/git/sources/{id}/webhook", body);
        Assert.Equal([field], problem["errors"]!.AsObject().Select(e => e.Key));
        if (JsonNode.Parse(body)!["secret"] is JsonValue secret && secret.GetValue<string>() is { Length: > 0 } text)
            Assert.DoesNotContain(text, problem.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("token", (await WebhookAsync(console, id)).Text("auth"));

        var nested = await console.Admin.RefusedAsync(422, "invalid_source", HttpMethod.Patch, $"/api/git/sources/{id}", $$"""{"webhook":{{body}}}""");
        Assert.Equal([$"webhook.{field}"], nested["errors"]!.AsObject().Select(e => e.Key));
    }

    [Fact]
    public async Task A_webhook_is_changed_on_the_version_that_was_read()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}/webhook";
        await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Put, path, new { auth = "github" }, ("If-Match", "\"7\""));
        await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Post, $"{path}/token", null, ("If-Match", "\"7\""));
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { auth = "github" }, ("If-Match", "\"1\""));
        Assert.Equal("github", (await WebhookAsync(console, id)).Text("auth"));
    }

    [Fact]
    public async Task What_another_master_key_encrypted_is_replaced_like_any_other()
    {
        var connection = await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite);
        string id;
        await using (var first = await TestConsole.StartAsync(connection, settings: ("AMPORA_MASTER_KEY", Convert.ToBase64String([.. Enumerable.Repeat((byte)1, 32)]))))
        {
            id = await first.CreateSourceAsync(url: "https://github.com/acme/fleet.git");
            await first.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/webhook/token");
        }

        await using var second = await TestConsole.StartAsync(connection);
        var made = await second.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/webhook/token", new { overlapSeconds = 600 });
        Assert.Null(made["previousValidUntil"]);
        await AssertCurrentAsync(second, id, "github", made.Text("token"));
    }

    private static async Task<JsonNode> WebhookAsync(TestConsole console, string id) => (await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["webhook"]!;

    private static async Task<SourceWebhook> ReadAsync(TestConsole console, string id) =>
        (await console.Services.GetRequiredService<WebhookReader>().ReadAsync(id, Stop))!;

    private static async Task AssertCurrentAsync(TestConsole console, string id, string auth, string secret)
    {
        var stored = await ReadAsync(console, id);
        Assert.Equal(auth, stored.Auth);
        Assert.Equal(WebhookSecret.Of(WebhookMethod.Find(auth)!, secret, null), stored.Current);
    }

    private static async Task<long> VersionAsync(TestConsole console, string id)
    {
        await using var context = console.Store.Read();
        return await context.Wakeups.Where(w => w.SourceId == id).Select(w => w.SecretVersion).SingleAsync(Stop);
    }
}
