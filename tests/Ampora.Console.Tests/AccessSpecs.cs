using System.Net;
using Ampora.Database;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class AccessSpecs(Consoles consoles)
{
    private const string Viewer = "viewer";
    private const string Operator = "operator";
    private const string Admin = "admin";

    private static readonly string[] Roles = [Viewer, Operator, Admin];

    // Every route of the API with the least role that it takes. A route that is not here fails the test below.
    private static readonly Dictionary<string, string> LeastRole = new()
    {
        ["GET /api/git/sources"] = Viewer,
        ["POST /api/git/sources"] = Admin,
        ["GET /api/git/sources/{id}"] = Viewer,
        ["PUT /api/git/sources/{id}"] = Admin,
        ["PATCH /api/git/sources/{id}"] = Admin,
        ["DELETE /api/git/sources/{id}"] = Admin,
        ["POST /api/git/source-tests"] = Operator,
        ["POST /api/git/sources/{id}/check"] = Operator,
        ["POST /api/git/sources/{id}/pause"] = Operator,
        ["POST /api/git/sources/{id}/resume"] = Operator,
        ["PUT /api/git/sources/{id}/webhook"] = Admin,
        ["POST /api/git/sources/{id}/webhook/token"] = Admin,
        ["DELETE /api/git/sources/{id}/webhook/token"] = Admin,
        ["GET /api/git/sources/{id}/deliveries"] = Viewer,
        ["POST /api/git/sources/{id}/deliveries/{deliveryId}/retry"] = Operator,
        ["GET /api/git/deliveries"] = Operator,
        ["POST /api/git/deliveries/explain"] = Operator,
        ["POST /api/git/sources/{id}/webhook/explain"] = Operator,
        ["GET /api/git/webhook-secrets"] = Admin,
        ["GET /api/git/webhook-secrets/{name}"] = Admin,
        ["PUT /api/git/webhook-secrets/{name}"] = Admin,
        ["POST /api/git/webhook-secrets/{name}/token"] = Admin,
        ["DELETE /api/git/webhook-secrets/{name}"] = Admin,
        ["GET /api/git/sources/{id}/runs"] = Viewer,
        ["GET /api/git/runs/{runId}"] = Viewer,
        ["GET /api/git/sources/{id}/snapshots"] = Viewer,
        ["GET /api/git/sources/{id}/snapshots/{sha}"] = Viewer,
        ["HEAD /api/git/sources/{id}/snapshots/{sha}"] = Viewer,
        ["GET /api/git/sources/{id}/snapshots/{sha}/files/{**path}"] = Viewer,
        ["HEAD /api/git/sources/{id}/snapshots/{sha}/files/{**path}"] = Viewer,
        ["GET /api/git/sources/{id}/snapshots/{sha}/archive.tar.gz"] = Viewer,
        ["HEAD /api/git/sources/{id}/snapshots/{sha}/archive.tar.gz"] = Viewer,
        ["GET /api/audit"] = Viewer,
        ["GET /api/audit/verify"] = Viewer,
        ["GET /api/audit/export"] = Viewer,
        ["GET /api/events"] = Viewer,
        ["GET /api/tokens"] = Admin,
        ["POST /api/tokens"] = Admin,
        ["DELETE /api/tokens/{id}"] = Admin,
    };

    // What everybody may call; the page has a login of its own.
    private static readonly string[] Public = ["GET ", "POST /login", "POST /logout", "GET /openapi/{documentName}.json"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_route_says_which_role_it_takes()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var routes = console.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => !e.RoutePattern.RawText!.Contains("healthz", StringComparison.Ordinal))
            .SelectMany(e => (e.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["ANY"]).Select(m => $"{m} {e.RoutePattern.RawText!.TrimEnd('/')}"));
        Assert.Equal(LeastRole.Keys.Concat(Public).Order(StringComparer.Ordinal), routes.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_route_refuses_lower_roles_and_serves_the_others()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var clients = new Dictionary<string, HttpClient>();
        foreach (var role in Roles)
            clients[role] = await console.ClientAsync(role);
        foreach (var (route, least) in LeastRole)
        {
            var (method, path) = Fill(route, await console.CreateSourceAsync());
            var nobody = await console.Client(null).RefusedAsync(401, "unauthorized", method, path);
            Assert.DoesNotContain("source", nobody.Text("detail"), StringComparison.Ordinal);
            foreach (var role in Roles)
            {
                if (Array.IndexOf(Roles, role) < Array.IndexOf(Roles, least))
                {
                    await clients[role].RefusedAsync(403, "forbidden", method, path, method == HttpMethod.Head ? null : new { });
                    continue;
                }

                using var request = new HttpRequestMessage(method, path);
                using var response = await clients[role].SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
                Assert.True(response.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden), $"{role} {route}: {response.StatusCode}");
                Assert.True((int)response.StatusCode < 500, $"{role} {route}: {response.StatusCode}");
            }
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Basic YWRtaW46YWRtaW4=")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer amp_0123456789012345678901234567890123456789012000000")]
    [InlineData("amp_test-admin-token-that-is-long-enough-0123456789")]
    public async Task No_token_or_a_wrong_one_is_refused_alike_and_told_how_to_send_one(string? header)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/git/sources");
        if (header is not null)
            request.Headers.TryAddWithoutValidation("Authorization", header);
        using var response = await console.Client(null).SendAsync(request, Stop);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.StartsWith("Bearer", response.Headers.WwwAuthenticate.Single().ToString(), StringComparison.Ordinal);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_limited_token_sees_its_sources_and_nothing_of_others(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var team = TestConsole.Unique("team");
        var mine = await console.CreateSourceAsync(labels: new { team });
        var others = await console.CreateSourceAsync(labels: new { team = "other" });
        await console.SweepAsync(mine, ("a", "100644", Sweeping.Bytes("mine")));
        await console.SweepAsync(others, ("a", "100644", Sweeping.Bytes("others")));
        var myRun = (await console.Admin.GetJsonAsync($"/api/git/sources/{mine}/runs")).Items()[0].Text("runId");
        var otherRun = (await console.Admin.GetJsonAsync($"/api/git/sources/{others}/runs")).Items()[0].Text("runId");

        foreach (var limited in new[] { await console.ClientAsync(Admin, sources: [mine]), await console.ClientAsync(Admin, labels: new { team }) })
        {
            Assert.Equal([mine], (await limited.GetJsonAsync("/api/git/sources?limit=200")).Items().Select(s => s.Text("id")));
            await limited.GetJsonAsync($"/api/git/sources/{mine}");
            await limited.GetJsonAsync($"/api/git/runs/{myRun}");
            await limited.GetJsonAsync($"/api/git/sources/{mine}/snapshots/latest");

            // What is there and what is not answer alike.
            await limited.RefusedAsync(404, "run_not_found", HttpMethod.Get, $"/api/git/runs/{otherRun}");
            foreach (var route in LeastRole.Keys.Where(r => r.Contains("/git/sources/{id}", StringComparison.Ordinal)))
            {
                var (method, path) = Fill(route, others);
                var (_, missing) = Fill(route, "no-such-source");
                var body = method == HttpMethod.Get || method == HttpMethod.Head || method == HttpMethod.Delete ? null : "{}";
                var refused = await limited.RefusedAsync(404, "source_not_found", method, path, body);
                var absent = await limited.RefusedAsync(404, "source_not_found", method, missing, body);
                Assert.Equal(absent.Text("detail").Replace("no-such-source", others, StringComparison.Ordinal), refused.Text("detail"));
            }

            await limited.RefusedAsync(403, "forbidden", HttpMethod.Get, "/api/audit/verify");
            await limited.RefusedAsync(403, "forbidden", HttpMethod.Get, "/api/audit/export");
            await limited.RefusedAsync(403, "forbidden", HttpMethod.Get, "/api/tokens");
            foreach (var route in LeastRole.Keys.Where(r => r.Contains("/webhook-secrets", StringComparison.Ordinal)))
            {
                var (method, path) = Fill(route, mine);
                await limited.RefusedAsync(403, "forbidden", method, path, method == HttpMethod.Get || method == HttpMethod.Delete ? null : "{}");
            }

            await limited.RefusedAsync(403, "forbidden", HttpMethod.Post, "/api/tokens", new { name = "escape", role = Admin });
            await limited.RefusedAsync(403, "forbidden", HttpMethod.Post, "/api/git/sources", new { id = TestConsole.Unique("s"), url = "https://git.example.com/x.git" });
        }

        var byLabel = await console.ClientAsync(Admin, labels: new { team });
        await byLabel.RefusedAsync(403, "forbidden", HttpMethod.Patch, $"/api/git/sources/{mine}", new { labels = new { team = "other" } });
        Assert.Equal(team, (await console.Admin.GetJsonAsync($"/api/git/sources/{mine}"))["labels"]!.Text("team"));
    }

    private static (HttpMethod Method, string Path) Fill(string route, string source)
    {
        var space = route.IndexOf(' ', StringComparison.Ordinal);
        var path = route[(space + 1)..]
            .Replace("/tokens/{id}", "/tokens/tok_00000000000000000000000000000000", StringComparison.Ordinal)
            .Replace("{id}", source, StringComparison.Ordinal)
            .Replace("{deliveryId}", "dlv_00000000000000000000000000000000", StringComparison.Ordinal)
            .Replace("{name}", "no-such-secret", StringComparison.Ordinal)
            .Replace("{runId}", "run_00000000000000000000000000000000", StringComparison.Ordinal)
            .Replace("{sha}", "latest", StringComparison.Ordinal)
            .Replace("{**path}", "a", StringComparison.Ordinal);
        return (HttpMethod.Parse(route.AsSpan(0, space)), path);
    }
}
