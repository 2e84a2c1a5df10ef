using System.Net;
using System.Text.RegularExpressions;
using Ampora.Database;

namespace Ampora.Console.Tests;

public sealed partial class PageSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_page_shows_sources_and_runs_to_who_logged_in_and_escapes_all_of_it(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await console.SweepAsync(id);
        var others = await console.CreateSourceAsync();
        await console.SweepAsync(others);
        var made = await console.Admin.SendJsonAsync(HttpMethod.Post, "/api/tokens", new { name = TestConsole.Unique("ui"), role = "viewer", sources = new[] { id } });

        var browser = new Browser(console.Client(null));
        var login = await browser.GetAsync("/");
        Assert.Contains("type=\"password\"", login, StringComparison.Ordinal);
        Assert.DoesNotContain(id, login, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", browser.Policy, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.SeeOther, await browser.PostAsync("/login", ("token", made.Text("token"))));
        var page = await browser.GetAsync("/");
        Assert.Contains(id, page, StringComparison.Ordinal);
        Assert.DoesNotContain(others, page, StringComparison.Ordinal);
        Assert.Contains("Change the &lt;fleet&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<fleet>", page, StringComparison.Ordinal);

        await console.Admin.SendJsonAsync(HttpMethod.Delete, $"/api/tokens/{made.Text("id")}");
        Assert.Contains("type=\"password\"", await browser.GetAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_needs_a_valid_token_and_our_own_form()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var browser = new Browser(console.Client(null));
        await browser.GetAsync("/");
        Assert.Equal(HttpStatusCode.Unauthorized, await browser.PostAsync("/login", ("token", "wrong")));
        Assert.Equal(HttpStatusCode.BadRequest, await browser.PostAsync("/login", ("token", TestConsole.AdminToken), ("form", "forged")));
        browser.Cookies.Remove("ampora_form");
        Assert.Equal(HttpStatusCode.BadRequest, await browser.PostAsync("/login", ("token", TestConsole.AdminToken)));
        Assert.DoesNotContain("ampora_session", browser.Cookies.Keys);

        await browser.GetAsync("/");
        Assert.Equal(HttpStatusCode.SeeOther, await browser.PostAsync("/login", ("token", TestConsole.AdminToken)));
        Assert.All(browser.SetCookies, c => Assert.Matches("(?i)samesite=strict; httponly$", c));
        await browser.GetAsync("/");
        Assert.Equal(HttpStatusCode.SeeOther, await browser.PostAsync("/logout"));
        Assert.Contains("type=\"password\"", await browser.GetAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cookie_that_was_made_up_or_changed_is_no_session_and_the_api_takes_none()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var browser = new Browser(console.Client(null));
        await browser.GetAsync("/");
        await browser.PostAsync("/login", ("token", TestConsole.AdminToken));
        var session = browser.Cookies["ampora_session"];
        using var api = await console.Client(null).CallAsync(HttpMethod.Get, "/api/git/sources", null, ("Cookie", $"ampora_session={session}"));
        Assert.Equal(HttpStatusCode.Unauthorized, api.StatusCode);
        foreach (var forged in new[] { "x", "", new string('A', 200), session[..^2], (session[0] == 'A' ? 'B' : 'A') + session[1..], browser.Form })
        {
            browser.Cookies["ampora_session"] = forged;
            Assert.Contains("type=\"password\"", await browser.GetAsync("/"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Cookies_are_for_https_alone_when_the_public_address_is()
    {
        await using var console = await TestConsole.StartAsync(
            await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite), settings: ("Ampora:PublicUrl", "https://ampora.example.com"));
        var browser = new Browser(console.Client(null));
        await browser.GetAsync("/");
        Assert.All(browser.SetCookies, c => Assert.Contains("; secure", c, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task The_api_describes_itself_to_everybody()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        var document = await console.Client(null).GetJsonAsync("/openapi/v1.json");
        Assert.StartsWith("3.", document.Text("openapi"), StringComparison.Ordinal);
        var paths = document["paths"]!.AsObject().Select(p => p.Key).ToList();
        Assert.Contains("/api/git/sources/{id}/webhook/token", paths);
        Assert.DoesNotContain(paths, p => p.Contains("login", StringComparison.Ordinal));
        Assert.NotNull(document["components"]!["securitySchemes"]!["apiToken"]);
        Assert.All(document["paths"]!.AsObject().SelectMany(p => p.Value!.AsObject()), o => Assert.True(o.Value!["security"]![0]!.AsObject().ContainsKey("apiToken")));
        Assert.Equal(
            ["401", "403"], document["paths"]!["/api/git/runs/{runId}"]!["get"]!["responses"]!.AsObject().Select(r => r.Key).Where(k => k.StartsWith('4')).Order(StringComparer.Ordinal));
    }

    [GeneratedRegex("name=\"form\" value=\"([^\"]+)\"")]
    private static partial Regex FormToken();

    private sealed class Browser(HttpClient client)
    {
        public Dictionary<string, string> Cookies { get; } = [];

        public List<string> SetCookies { get; } = [];

        public string Form { get; private set; } = "";

        public string Policy { get; private set; } = "";

        public async Task<string> GetAsync(string path)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            using var response = await SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Policy = response.Headers.GetValues("Content-Security-Policy").Single();
            return await response.Content.ReadAsStringAsync(Stop);
        }

        public async Task<HttpStatusCode> PostAsync(string path, params (string Name, string Value)[] fields)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path);
            var all = new Dictionary<string, string> { ["form"] = Form };
            foreach (var (name, value) in fields)
                all[name] = value;
            request.Content = new FormUrlEncodedContent(all);
            using var response = await SendAsync(request);
            return response.StatusCode;
        }

        private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request)
        {
            request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", Cookies.Select(c => $"{c.Key}={c.Value}")));
            var response = await client.SendAsync(request, Stop);
            if (response.Headers.TryGetValues("Set-Cookie", out var cookies))
            {
                foreach (var cookie in cookies)
                {
                    SetCookies.Add(cookie);
                    var pair = cookie.Split(';')[0].Split('=', 2);
                    if (pair[1].Length == 0)
                        Cookies.Remove(pair[0]);
                    else
                        Cookies[pair[0]] = pair[1];
                }
            }

            if (FormToken().Match(await response.Content.ReadAsStringAsync(Stop)) is { Success: true } match)
                Form = WebUtility.HtmlDecode(match.Groups[1].Value);
            return response;
        }
    }
}
