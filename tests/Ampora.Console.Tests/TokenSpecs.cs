using System.Net;
using Ampora.Console.Access;
using Ampora.Database;
using Ampora.Store.Secrets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class TokenSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_token_is_shown_once_works_at_once_and_ends_when_it_is_deleted(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var name = TestConsole.Unique("ci");
        var made = await console.Admin.SendJsonAsync(HttpMethod.Post, "/api/tokens", new { name, role = "viewer", sources = new[] { "a", "b" }, labels = new { team = "web" } });
        var (token, id) = (made.Text("token"), made.Text("id"));
        Assert.True(AccessToken.IsWellFormed(token));
        Assert.Matches("^tok_[0-9a-f]{32}$", id);
        await console.Admin.RefusedAsync(409, "token_exists", HttpMethod.Post, "/api/tokens", new { name, role = "admin" });

        var client = console.Client(token);
        await client.GetJsonAsync("/api/git/sources");
        var listed = Assert.Single((await console.Admin.GetJsonAsync("/api/tokens?limit=200")).Items(), t => t.Text("id") == id);
        Assert.False(listed.AsObject().ContainsKey("token"));
        Assert.Equal("web", listed["labels"]!.Text("team"));
        Assert.Equal(0, listed["lastUsedAt"]!.GetValue<DateTimeOffset>().Second);

        using var deleted = await console.Admin.CallAsync(HttpMethod.Delete, $"/api/tokens/{id}");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await client.RefusedAsync(401, "unauthorized", HttpMethod.Get, "/api/git/sources");
        await console.Admin.RefusedAsync(404, "token_not_found", HttpMethod.Delete, $"/api/tokens/{id}");
    }

    [Fact]
    public async Task A_token_ends_when_it_expires()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var made = await console.Admin.SendJsonAsync(
            HttpMethod.Post, "/api/tokens", new { name = TestConsole.Unique("t"), role = "viewer", expiresAt = TimeProvider.System.GetUtcNow().AddHours(1).ToString("O") });
        var client = console.Client(made.Text("token"));
        await client.GetJsonAsync("/api/git/sources");
        await console.Store.WriteAsync(
            (context, stop) => context.ApiTokens.Where(t => t.Id == made.Text("id")).ExecuteUpdateAsync(
                set => set.SetProperty(t => t.ExpiresAt, TimeProvider.System.GetUtcNow().AddSeconds(-1)), stop),
            Stop);
        await client.RefusedAsync(401, "unauthorized", HttpMethod.Get, "/api/git/sources");
    }

    [Theory]
    [InlineData("""{"role":"viewer"}""", "name")]
    [InlineData("""{"name":"","role":"viewer"}""", "name")]
    [InlineData("""{"name":"a b","role":"viewer"}""", "name")]
    [InlineData("""{"name":"x"}""", "role")]
    [InlineData("""{"name":"x","role":"root"}""", "role")]
    [InlineData("""{"name":"x","role":"viewer","sources":"a"}""", "sources")]
    [InlineData("""{"name":"x","role":"viewer","sources":["A B"]}""", "sources")]
    [InlineData("""{"name":"x","role":"viewer","labels":{}}""", "labels")]
    [InlineData("""{"name":"x","role":"viewer","labels":{"a":null}}""", "labels.a")]
    [InlineData("""{"name":"x","role":"viewer","expiresAt":"2001-01-01T00:00:00Z"}""", "expiresAt")]
    [InlineData("""{"name":"x","role":"viewer","expiresAt":"tomorrow"}""", "expiresAt")]
    [InlineData("""{"name":"x","role":"viewer","scope":"all"}""", "scope")]
    public async Task A_bad_token_is_refused_by_field(string body, string field)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var problem = await console.Admin.RefusedAsync(422, "invalid_token", HttpMethod.Post, "/api/tokens", body);
        Assert.NotNull(problem["errors"]![field]);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Without_a_setting_one_admin_token_is_generated_for_good(DatabaseDialect dialect)
    {
        var connection = await consoles.CreateDatabaseAsync(dialect);
        string token;
        await using (var first = await TestConsole.StartAsync(connection, adminToken: null))
        {
            token = first.Services.GetRequiredService<GeneratedAdminToken>().Value!;
            Assert.True(AccessToken.IsWellFormed(token));
            await first.Client(token).GetJsonAsync("/api/tokens");
        }

        await using (var second = await TestConsole.StartAsync(connection, adminToken: null))
        {
            Assert.Null(second.Services.GetRequiredService<GeneratedAdminToken>().Value);
            await second.Client(token).GetJsonAsync("/api/tokens");
        }

        await using var third = await TestConsole.StartAsync(connection);
        Assert.Null(third.Services.GetRequiredService<GeneratedAdminToken>().Value);
        await third.Admin.GetJsonAsync("/api/tokens");
        await third.Client(token).RefusedAsync(401, "unauthorized", HttpMethod.Get, "/api/tokens");
        Assert.Equal("admin", Assert.Single((await third.Admin.GetJsonAsync("/api/tokens")).Items()).Text("name"));
    }

    [Fact]
    public async Task Replicas_that_start_together_make_one_admin_token()
    {
        var connection = await consoles.CreateDatabaseAsync(DatabaseDialect.Postgres);
        var started = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => TestConsole.StartAsync(connection, adminToken: null)));
        var generated = Assert.Single(started.Select(c => c.Services.GetRequiredService<GeneratedAdminToken>().Value).OfType<string>());
        foreach (var console in started)
        {
            await console.Client(generated).GetJsonAsync("/api/tokens");
            await console.DisposeAsync();
        }
    }

    [Fact]
    public async Task Bad_settings_are_named_and_stop_the_start()
    {
        var connection = await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite);
        var refused = await Assert.ThrowsAsync<Hosting.Settings.SettingsException>(
            () => TestConsole.StartAsync(connection, adminToken: "has a space", settings: [("Ampora:PublicUrl", "ampora.example.com")]));
        Assert.Contains(refused.Problems, p => p.Contains("AMPORA_ADMIN_TOKEN", StringComparison.Ordinal));
        Assert.Contains(refused.Problems, p => p.Contains("Ampora__PublicUrl", StringComparison.Ordinal));
        Assert.DoesNotContain(refused.Problems, p => p.Contains("has a space", StringComparison.Ordinal));
    }
}
