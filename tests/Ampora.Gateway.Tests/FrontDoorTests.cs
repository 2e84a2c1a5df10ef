using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Ampora.Gateway.Tests;

public sealed class FrontDoorTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/git/webhook/../sources")]
    [InlineData("/api/git/webhook/%2e%2e/sources")]
    [InlineData("/api/git/webhook/.%2E/sources")]
    [InlineData("/api/git/./webhook/fleet")]
    [InlineData("/api/git/webhook/a%2fb")]
    [InlineData("/api/git/webhook/a%5Cb")]
    [InlineData("/api/git/webhook/a\\b")]
    [InlineData("/api/git/webhook/a%00")]
    [InlineData("/api/git/webhook/a%0ab")]
    [InlineData("/api/git/webhook/a%7f")]
    [InlineData("/api/git/webhook/a%zz")]
    [InlineData("/api/git//webhook/fleet")]
    [InlineData("//api/git/webhook/fleet")]
    [InlineData("/x/..%2fapi/git/webhook/fleet")]
    [InlineData("http://elsewhere/api/git/webhook/fleet")]
    public async Task A_path_that_two_programs_might_read_differently_is_refused(string path)
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        var answer = await Wire.SendAsync(gateway.Address, $"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Cancelled);
        Assert.Equal([400], Wire.Statuses(answer));
        Assert.Empty(replica.Requests);
    }

    [Theory]
    [InlineData("/api/git/webhook/fleet/more", 404)]
    [InlineData("/api/git/webhook/fleet/", 404)]
    [InlineData("/api/git/webhook/", 404)]
    [InlineData("/health?/api/git/webhook/x", 202)]
    public async Task A_webhook_path_with_more_segments_is_none(string path, int status)
    {
        await using var ingress = await Replica.StartAsync();
        await using var console = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([ingress.Address], [console.Address]);
        Assert.Equal(status, (int)(await gateway.Client.PostAsync(path, null, Cancelled)).StatusCode);
        Assert.Empty(ingress.Requests);
    }

    [Fact]
    public async Task A_webhook_is_sent_by_POST()
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Put, HttpMethod.Delete })
        {
            var answer = await gateway.Client.SendAsync(new HttpRequestMessage(method, "/api/git/webhook/fleet"), Cancelled);
            Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
            Assert.Equal(["POST"], answer.Content.Headers.Allow);
        }
        Assert.Empty(replica.Requests);
    }

    [Theory]
    [InlineData("/api/git/webhook")]
    [InlineData("/api/git/webhook/fleet")]
    public async Task A_webhook_goes_to_the_ingress_with_what_its_Git_host_proves_itself_by(string path)
    {
        await using var ingress = await Replica.StartAsync();
        await using var console = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([ingress.Address], [console.Address]);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json") };
        (string Name, string Value)[] headers =
        [
            ("Authorization", "Basic YW1wb3JhOnNlY3JldA=="), ("X-Hub-Signature-256", "sha256=00"), ("X-Hub-Signature", "sha256=00"), ("X-Gitlab-Token", "t"), ("X-Gitea-Signature", "00"),
            ("X-Forgejo-Signature", "00"), ("X-Gogs-Signature", "00"), ("webhook-id", "msg"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,AA=="), ("X-Event-Key", "repo:push"),
        ];
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);

        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.SendAsync(request, Cancelled)).StatusCode);

        var seen = ingress.Requests.Single();
        Assert.Equal((path, 2L), (seen.Target, seen.BodyLength));
        foreach (var (name, value) in headers)
            Assert.Equal(value, seen.Headers[name]);
        Assert.Empty(console.Requests);
        // What only looks like it is the console's.
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.PostAsync("/api/git/webhook-secrets", null, Cancelled)).StatusCode);
        Assert.Equal("/api/git/webhook-secrets", console.Requests.Single().Target);
    }

    [Theory]
    [InlineData("/api/git/webhook")]
    [InlineData("/api/git/webhook/fleet")]
    [InlineData("/API/Git/WebHook/fleet")]
    [InlineData("/api/git/web%68ook/fleet")]
    public async Task A_webhook_over_plain_HTTP_is_refused_with_the_two_usual_causes(string path)
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address], new() { ["environment"] = "Production" });
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        // From a peer that is not trusted it says nothing.
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Forwarded-For", "203.0.113.7");
        var answer = await gateway.Client.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled);
        Assert.Equal("https_required", problem.GetProperty("code").GetString());
        Assert.Contains("Ampora__Gateway__TrustedProxies", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("TLS", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(replica.Requests);
        // Without TLS of its own the gateway lets the console be used: there is nowhere else to go.
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.GetAsync("/", Cancelled)).StatusCode);
    }

    [Fact]
    public async Task What_a_trusted_proxy_says_of_the_sender_counts_and_what_others_say_does_not()
    {
        await using var replica = await Replica.StartAsync();
        await using var trusting = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address], new() { ["environment"] = "Production", ["Ampora:Gateway:TrustedProxies"] = "127.0.0.1, 198.51.100.0/24" });
        await using var distrusting = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        foreach (var gateway in new[] { trusting, distrusting })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/git/webhook/fleet");
            // The first hop was invented by the sender: the chain ends at the first address that is no trusted proxy.
            request.Headers.Add("X-Forwarded-For", "192.0.2.66, 203.0.113.7, 198.51.100.9");
            request.Headers.Add("X-Forwarded-Proto", "https");
            request.Headers.Add("X-Forwarded-Host", "ampora.example");
            request.Headers.Add("X-Forwarded-Prefix", "/evil");
            request.Headers.Add("X-Real-IP", "192.0.2.66");
            request.Headers.Add("Forwarded", "for=192.0.2.66");
            Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.SendAsync(request, Cancelled)).StatusCode);
        }
        var (trusted, distrusted) = (replica.Requests.First().Headers, replica.Requests.Last().Headers);
        Assert.Equal(("203.0.113.7", "https", "ampora.example"), (trusted["X-Forwarded-For"], trusted["X-Forwarded-Proto"], trusted["X-Forwarded-Host"]));
        Assert.Equal(("127.0.0.1", "http", distrusting.Address.Authority), (distrusted["X-Forwarded-For"], distrusted["X-Forwarded-Proto"], distrusted["X-Forwarded-Host"]));
        foreach (var headers in new[] { trusted, distrusted })
            Assert.DoesNotContain(headers.Keys, name => name is "X-Real-IP" or "Forwarded" or "X-Forwarded-Prefix");
    }

    [Theory]
    [InlineData("/ampora/api/git/webhook/fleet")]
    [InlineData("/api/git/webhook/fleet")]
    public async Task A_prefix_works_whether_the_ingress_in_front_keeps_or_strips_it(string path)
    {
        await using var ingress = await Replica.StartAsync();
        await using var console = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([ingress.Address], [console.Address], new() { ["Ampora:Gateway:PathPrefix"] = "/ampora" });
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.PostAsync(path, null, Cancelled)).StatusCode);
        Assert.Equal("/api/git/webhook/fleet", ingress.Requests.Single().Target);
        Assert.Equal("/ampora", ingress.Requests.Single().Headers["X-Forwarded-Prefix"]);
        Assert.Equal("live", await gateway.Client.GetStringAsync("/healthz/live", Cancelled));
        Assert.Equal("live", await gateway.Client.GetStringAsync("/ampora/healthz/live", Cancelled));
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.GetAsync("/ampora", Cancelled)).StatusCode);
        Assert.Equal("/", console.Requests.Single().Target);
    }

    [Theory]
    // Two lengths, or a length and chunks: which one counts differs between servers.
    [InlineData("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde")]
    [InlineData("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")]
    // A bare line feed ends a chunk's extension for some (CVE-2025-55315).
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n22\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n")]
    [InlineData("Content-Length : 4\r\n\r\nabcd")]
    [InlineData("X: a\nContent-Length: 4\r\n\r\nabcd")]
    public async Task A_request_that_hides_another_is_refused(string rest)
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        var answer = await Wire.SendAsync(gateway.Address, $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{rest}", Cancelled);
        Assert.DoesNotContain(replica.Requests, request => request.Target.Contains("smuggled", StringComparison.Ordinal));
        Assert.Equal([400], Wire.Statuses(answer));
    }

    [Fact]
    public async Task Headers_that_are_too_large_are_refused_as_such()
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        var answer = await Wire.SendAsync(
            gateway.Address, $"POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Ampora-Webhook-Token: {new string('a', 64 * 1024)}\r\nContent-Length: 0\r\n\r\n", Cancelled);
        Assert.Equal([431], Wire.Statuses(answer));
        Assert.Empty(replica.Requests);
    }

    [Fact]
    public async Task A_body_that_drips_is_given_up()
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        var answer = await Wire.SendAsync(gateway.Address, "POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nx", Cancelled);
        Assert.Equal([408], Wire.Statuses(answer));
    }
}
