using System.Net;
using Ampora.Database;
using Ampora.Store.Secrets;
using Ampora.Store.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class WebhookTokenSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_token_is_shown_once_and_kept_as_its_hash(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        using var response = await console.Admin.CallAsync(HttpMethod.Post, $"/api/git/sources/{id}/webhook/token");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(response.Headers.CacheControl!.NoStore);
        var made = System.Text.Json.Nodes.JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop))!;
        Assert.Equal(["token", "url", "field", "createdAt", "previousValidUntil"], made.AsObject().Select(m => m.Key));
        var token = made.Text("token");
        Assert.True(AccessToken.IsWellFormed(token));
        Assert.Equal($"{console.Address}api/git/webhook/{id}", made.Text("url"));
        Assert.Contains("X-Ampora-Webhook-Token", made.Text("field"), StringComparison.Ordinal);
        Assert.Null(made["previousValidUntil"]);

        await using var context = console.Store.Read();
        var secret = await context.WebhookSecrets.AsNoTracking().SingleAsync(s => s.SourceId == id, Stop);
        Assert.Equal(AccessToken.Hash(token), secret.SecretHash);
        var source = await console.Admin.GetJsonAsync($"/api/git/sources/{id}");
        Assert.True(source["webhook"]!["hasSecret"]!.GetValue<bool>());
        Assert.DoesNotContain(token, source.ToJsonString(), StringComparison.Ordinal);
        // Neither is it in what will be recorded.
        Assert.All(await context.Outbox.Select(o => o.Payload).ToListAsync(Stop), payload => Assert.DoesNotContain(token, payload, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_rotation_ends_the_old_token_unless_an_overlap_is_asked_for(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}/webhook/token";
        await using var context = console.Store.Read();
        async Task<(byte[]? Hash, byte[]? Previous, DateTimeOffset? Until, long Version)> ReadAsync()
        {
            var secret = await context.WebhookSecrets.AsNoTracking().SingleAsync(s => s.SourceId == id, Stop);
            var wakeup = await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop);
            return (secret.SecretHash, secret.PreviousSecretHash, secret.PreviousValidUntil, wakeup.SecretVersion);
        }

        var first = (await console.Admin.SendJsonAsync(HttpMethod.Post, path)).Text("token");
        var one = await ReadAsync();
        var second = await console.Admin.SendJsonAsync(HttpMethod.Post, path, new { overlapSeconds = 600 });
        var two = await ReadAsync();
        Assert.Equal(AccessToken.Hash(first), two.Previous);
        Assert.Equal(AccessToken.Hash(second.Text("token")), two.Hash);
        Assert.InRange(two.Until!.Value, TimeProvider.System.GetUtcNow().AddSeconds(500), TimeProvider.System.GetUtcNow().AddSeconds(700));
        Assert.Equal(two.Until.Value.UtcDateTime, second["previousValidUntil"]!.GetValue<DateTimeOffset>().UtcDateTime);
        Assert.True(two.Version > one.Version);
        Assert.NotNull((await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["webhook"]!["previousValidUntil"]);

        await console.Admin.SendJsonAsync(HttpMethod.Post, path, new { overlapSeconds = 0 });
        var three = await ReadAsync();
        // Kept, so that a refusal can say "rotated", but without a time until which it counts.
        Assert.Equal(two.Hash, three.Previous);
        Assert.Null(three.Until);
        Assert.False((await console.Services.GetRequiredService<WebhookReader>().ReadAsync(id, Stop))!.PreviousIsValid);
        Assert.True(three.Version > two.Version);

        using var revoked = await console.Admin.CallAsync(HttpMethod.Delete, path);
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        Assert.False(await context.WebhookSecrets.AnyAsync(s => s.SourceId == id, Stop));
        Assert.True((await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop)).SecretVersion > three.Version);
        using var again = await console.Admin.CallAsync(HttpMethod.Delete, path);
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Theory]
    [InlineData("""{"overlapSeconds":-1}""", "overlapSeconds")]
    [InlineData("""{"overlapSeconds":2592001}""", "overlapSeconds")]
    [InlineData("""{"overlapSeconds":"1"}""", "overlapSeconds")]
    [InlineData("""{"overlap":1}""", "overlap")]
    [InlineData("""{"signing":true}""", "signing")]
    [InlineData("""{"signing":"yes"}""", "signing")]
    public async Task A_bad_rotation_is_refused_and_changes_nothing(string body, string field)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var id = await console.CreateSourceAsync();
        var problem = await console.Admin.RefusedAsync(422, "invalid_rotation", HttpMethod.Post, $"/api/git/sources/{id}/webhook/token", body);
        Assert.NotNull(problem["errors"]![field]);
        Assert.False((await console.Admin.GetJsonAsync($"/api/git/sources/{id}"))["webhook"]!["hasSecret"]!.GetValue<bool>());
    }

    [Fact]
    public async Task The_url_of_a_webhook_is_the_public_one_with_the_prefix()
    {
        await using var console = await TestConsole.StartAsync(
            await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite),
            settings: [("Ampora:PublicUrl", "https://ampora.example.com/"), ("Ampora:Gateway:PathPrefix", "/ops/ampora/")]);
        var id = await console.CreateSourceAsync();
        var made = await console.Admin.SendJsonAsync(HttpMethod.Post, $"/api/git/sources/{id}/webhook/token");
        Assert.Equal($"https://ampora.example.com/ops/ampora/api/git/webhook/{id}", made.Text("url"));
    }
}
