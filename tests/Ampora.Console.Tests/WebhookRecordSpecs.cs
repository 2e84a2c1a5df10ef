using System.Text.Json.Nodes;
using Ampora.Database;
using Ampora.Store.Webhooks;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

/// <summary>What stays of a change to a webhook: in the audit log, after an upgrade, and when the master key is another.</summary>
public sealed class WebhookRecordSpecs(Consoles consoles)
{
    private const string Secret = "an-operators-own-secret";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_change_of_a_webhook_is_recorded_with_its_method_and_never_with_a_value(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}/webhook";
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { auth = "azure-devops", secret = Secret, username = "hooks" });
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = "me", webhook = new { auth = "github", overlapSeconds = 60 } });
        var token = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token")).Text("token");
        await console.Admin.SendJsonAsync(HttpMethod.Delete, $"{path}/token");
        var entries = await EntriesAsync(console, $"source:{id}", 5);
        Assert.Equal("token", Detail(entries, "source.created").Text("webhook"));
        var changes = entries.Where(e => e.Text("action") == "source.changed").Select(e => e["detail"]!).ToList();
        var put = Assert.Single(changes, d => d.Text("changed") == "webhook");
        Assert.Equal(("token", "azure-devops", "set", "hooks"), (put.Text("webhook.before"), put.Text("webhook.after"), put.Text("webhook.secret"), put.Text("webhook.username.after")));
        var patch = Assert.Single(changes, d => d.Text("changed") == "owner, webhook");
        Assert.Equal(("azure-devops", "github", "removed"), (patch.Text("webhook.before"), patch.Text("webhook.after"), patch.Text("webhook.secret")));
        Assert.NotEmpty(patch.Text("webhook.previousValidUntil"));
        Assert.Equal("github", Detail(entries, "source.token_generated").Text("auth"));
        Assert.Single(entries, e => e.Text("action") == "source.token_revoked");
        AssertSecretless(console, entries, Secret, token);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_change_of_an_organisations_secret_is_recorded_and_never_with_a_value(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var name = TestConsole.Unique("n");
        var path = $"/api/git/webhook-secrets/{name}";
        var generated = (await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { provider = "github", prefix = "github.com/recorded/" })).Text("token");
        await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { provider = "github", prefix = "github.com/elsewhere/", secret = Secret });
        var rotated = (await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/token", new { overlapSeconds = 60 })).Text("token");
        await console.Admin.SendJsonAsync(HttpMethod.Delete, path);
        var entries = await EntriesAsync(console, $"webhook-secret:{name}", 4);
        Assert.Equal(("github", "github.com/recorded/", "generated"), (
            Detail(entries, "webhook_secret.created").Text("provider"), Detail(entries, "webhook_secret.created").Text("prefix"), Detail(entries, "webhook_secret.created").Text("secret")));
        var changed = Detail(entries, "webhook_secret.changed");
        Assert.Equal(("github.com/recorded/", "github.com/elsewhere/", "set"), (changed.Text("prefix.before"), changed.Text("prefix.after"), changed.Text("secret")));
        Assert.NotEmpty(Detail(entries, "webhook_secret.token_generated").Text("previousValidUntil"));
        Assert.Equal("github.com/elsewhere/", Detail(entries, "webhook_secret.deleted").Text("prefix"));
        AssertSecretless(console, entries, Secret, generated, rotated);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Sources_of_an_older_release_get_the_keys_of_their_repositories_at_the_start(DatabaseDialect dialect)
    {
        var connection = await consoles.CreateDatabaseAsync(dialect);
        var ids = new List<string>();
        await using (var first = await TestConsole.StartAsync(connection))
        {
            ids.Add(await first.CreateSourceAsync(url: "https://github.com/Acme/Fleet.git"));
            ids.Add(await first.CreateSourceAsync(url: "https://bitbucket.acme.example/scm/PLAT/fleet.git"));
            await first.Store.WriteAsync(
                (context, stop) => context.Sources.ExecuteUpdateAsync(
                    set => set.SetProperty(s => s.RepositoryKey, (string?)null).SetProperty(s => s.BitbucketServerKey, (string?)null), stop),
                Stop);
        }

        await using var second = await TestConsole.StartAsync(connection);
        for (var attempt = 0; ; attempt++)
        {
            await using var context = second.Store.Read();
            var sources = await context.Sources.AsNoTracking().ToDictionaryAsync(s => s.Id, Stop);
            if (sources.Values.All(s => s.RepositoryKey is not null))
            {
                Assert.Equal(("github.com/acme/fleet", null), (sources[ids[0]].RepositoryKey, sources[ids[0]].BitbucketServerKey));
                Assert.Equal(RepositoryAddress.BitbucketServerKeyOf(sources[ids[1]].Url), sources[ids[1]].BitbucketServerKey);
                Assert.NotNull(sources[ids[1]].BitbucketServerKey);
                return;
            }

            Assert.True(attempt < 300, "The keys were not filled in.");
            await Task.Delay(100, Stop);
        }
    }

    [Fact]
    public async Task A_new_master_key_takes_every_secret_over_and_the_old_one_can_go()
    {
        var connection = await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite);
        var (oldKey, newKey) = (Convert.ToBase64String([.. Enumerable.Repeat((byte)1, 32)]), Convert.ToBase64String([.. Enumerable.Repeat((byte)2, 32)]));
        string id;
        await using (var first = await TestConsole.StartAsync(connection, settings: ("AMPORA_MASTER_KEY", oldKey)))
        {
            id = await first.CreateSourceAsync(url: "https://github.com/acme/fleet.git");
            await first.Admin.SendJsonAsync(HttpMethod.Put, $"/api/git/sources/{id}/webhook", new { secret = Secret });
            await first.Admin.SendJsonAsync(HttpMethod.Put, "/api/git/webhook-secrets/acme", new { provider = "github", prefix = "github.com/acme/", secret = Secret });
        }

        await using (var second = await TestConsole.StartAsync(connection, settings: [("AMPORA_MASTER_KEY", newKey), ("AMPORA_MASTER_KEY_PREVIOUS", oldKey)]))
        {
            for (var attempt = 0; !second.Logs.Lines.Any(l => l.Contains("Every stored secret is encrypted under AMPORA_MASTER_KEY", StringComparison.Ordinal)); attempt++)
            {
                Assert.True(attempt < 300, "The secrets were not encrypted anew.");
                await Task.Delay(100, Stop);
            }
        }

        await using var third = await TestConsole.StartAsync(connection, settings: ("AMPORA_MASTER_KEY", newKey));
        var reader = third.Services.GetRequiredService<WebhookReader>();
        var expected = WebhookSecret.Of(WebhookMethod.GitHub, Secret, null);
        Assert.Equal(expected, (await reader.ReadAsync(id, Stop))!.Current);
        Assert.Equal(expected, Assert.Single((await reader.FindAsync(new DeliveryRepository(["github.com/acme/fleet"], [], null), "github", Stop)).Secrets).Current);
    }

    private static JsonNode Detail(IReadOnlyList<JsonNode> entries, string action) => Assert.Single(entries, e => e.Text("action") == action)["detail"]!;

    private static void AssertSecretless(TestConsole console, IReadOnlyList<JsonNode> entries, params string[] secrets)
    {
        foreach (var secret in secrets)
        {
            Assert.All(entries, e => Assert.DoesNotContain(secret, e.ToJsonString(), StringComparison.Ordinal));
            Assert.DoesNotContain(console.Logs.Lines, line => line.Contains(secret, StringComparison.Ordinal));
        }
    }

    /// <summary>Waits until so many entries are about a subject: they arrive behind the answers.</summary>
    private static async Task<IReadOnlyList<JsonNode>> EntriesAsync(TestConsole console, string subject, int count)
    {
        for (var attempt = 0; ; attempt++)
        {
            var entries = (await console.Admin.GetJsonAsync($"/api/audit?subject={subject}")).Items();
            if (entries.Count >= count)
                return entries;
            Assert.True(attempt < 200, $"{subject} has {entries.Count} entries, not {count}.");
            await Task.Delay(100, Stop);
        }
    }
}
