using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Ampora.Hosting.Tests.Http;

public sealed class PipelineSpecs
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Production")]
    [InlineData("Development")]
    public async Task An_error_that_nobody_handled_tells_the_caller_nothing_of_the_inside(string environment)
    {
        await using var service = await ServiceUnderTest.StartAsync(map: app => app.MapGet("/api/fails", void () => throw new InvalidOperationException("Password=s3cret")), environment: environment);
        var answer = await service.Public.GetAsync("/api/fails", Cancelled);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal);
        Assert.DoesNotContain("InvalidOperation", text, StringComparison.Ordinal);
        Assert.Equal("internal_error", JsonDocument.Parse(text).RootElement.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Answers_without_a_body_become_problems_with_a_code()
    {
        await using var service = await ServiceUnderTest.StartAsync(map: app => app.MapPost("/api/thing", (Thing thing) => thing.Name));
        foreach (var (request, status, code) in new (HttpRequestMessage, HttpStatusCode, string)[]
        {
            (new(HttpMethod.Get, "/nowhere"), HttpStatusCode.NotFound, "not_found"),
            (new(HttpMethod.Get, "/api/thing"), HttpStatusCode.MethodNotAllowed, "method_not_allowed"),
            (new(HttpMethod.Post, "/api/thing") { Content = new StringContent("name=a") }, HttpStatusCode.UnsupportedMediaType, "unsupported_media_type"),
            (new(HttpMethod.Post, "/api/thing") { Content = new StringContent("{", null, "application/json") }, HttpStatusCode.BadRequest, "bad_request"),
        })
        {
            var answer = await service.Public.SendAsync(request, Cancelled);
            Assert.Equal(status, answer.StatusCode);
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
            Assert.Equal(code, (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("code").GetString());
        }
    }

    [Fact]
    public async Task Every_answer_has_the_security_headers_and_a_page_may_set_its_own_policy()
    {
        await using var service = await ServiceUnderTest.StartAsync(map: app =>
        {
            app.MapGet("/api/thing", () => "thing");
            app.MapGet("/page", (HttpContext context) => context.Response.Headers.ContentSecurityPolicy = "default-src 'self'");
        });
        foreach (var path in new[] { "/api/thing", "/nowhere", "/healthz/live" })
        {
            var headers = (await service.Public.GetAsync(path, Cancelled)).Headers;
            Assert.Equal(["nosniff"], headers.GetValues("X-Content-Type-Options"));
            Assert.Equal(["no-referrer"], headers.GetValues("Referrer-Policy"));
            Assert.Equal(["default-src 'none'; frame-ancestors 'none'"], headers.GetValues("Content-Security-Policy"));
            Assert.False(headers.Contains("Server"));
        }
        Assert.Equal(["default-src 'self'"], (await service.Public.GetAsync("/page", Cancelled)).Headers.GetValues("Content-Security-Policy"));
    }

    [Fact]
    public async Task Behind_the_gateway_its_word_on_the_sender_counts()
    {
        await using var service = await ServiceUnderTest.StartAsync(map: app => app.MapGet("/who", (HttpContext context) =>
            $"{context.Connection.RemoteIpAddress} {context.Request.Scheme} {context.Request.Host} {context.Request.PathBase} {context.Request.Headers.Count(h => h.Key.StartsWith("X-Forwarded", StringComparison.Ordinal))}"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/who");
        foreach (var (name, value) in new[] { ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "ampora.example"), ("X-Forwarded-Prefix", "/ampora") })
            request.Headers.Add(name, value);
        Assert.Equal("203.0.113.7 https ampora.example /ampora 0", await (await service.Public.SendAsync(request, Cancelled)).Content.ReadAsStringAsync(Cancelled));
    }

    private sealed record Thing(string Name);
}
