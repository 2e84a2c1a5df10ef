using System.Net;

namespace Ampora.Gateway.Tests;

public sealed class ReplicaTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Webhooks_go_to_the_ingress_and_all_else_to_the_console()
    {
        await using var ingress = await Replica.StartAsync();
        await using var console = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([ingress.Address], [console.Address]);

        foreach (var path in new[] { "/api/git/webhook", "/api/git/webhook/fleet" })
            Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.PostAsync(path, null, Cancelled)).StatusCode);
        foreach (var path in new[] { "/", "/api/git/sources?label=a", "/api/git/webhooks", "/api/git/webhook-secrets/github", "/openapi/v1.json", "/sources/fleet" })
            Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.GetAsync(path, Cancelled)).StatusCode);

        Assert.Equal(["/api/git/webhook", "/api/git/webhook/fleet"], ingress.Requests.Select(r => r.Target));
        Assert.Equal(["/", "/api/git/sources?label=a", "/api/git/webhooks", "/api/git/webhook-secrets/github", "/openapi/v1.json", "/sources/fleet"], console.Requests.Select(r => r.Target));
    }

    [Fact]
    public async Task Of_two_replicas_one_dies_and_no_webhook_is_refused()
    {
        var first = await Replica.StartAsync();
        await using var second = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([first.Address, second.Address], [second.Address]);
        await SendAsync(gateway, 20);
        Assert.NotEmpty(first.Requests);
        Assert.NotEmpty(second.Requests);

        await first.DisposeAsync();
        await SendAsync(gateway, 40);
        Assert.Equal(60, first.Requests.Count + second.Requests.Count);

        static async Task SendAsync(GatewayUnderTest gateway, int count)
        {
            for (var i = 0; i < count; i++)
                Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.PostAsync("/api/git/webhook/fleet", new StringContent("{}"), Cancelled)).StatusCode);
        }
    }

    [Fact]
    public async Task With_no_replica_left_the_sender_is_told_to_come_again_and_is_served_when_one_is_back()
    {
        var replica = await Replica.StartAsync();
        var address = replica.Address;
        await using var gateway = await GatewayUnderTest.StartAsync([address], [address]);
        await replica.DisposeAsync();

        var answer = await gateway.Client.PostAsync("/api/git/webhook/fleet", null, Cancelled);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Contains("\"code\":\"unavailable\"", await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
        Assert.Equal("ready", await gateway.Client.GetStringAsync("/healthz/ready", Cancelled));

        await using var again = await Replica.StartAsync(address.Port);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while ((await gateway.Client.PostAsync("/api/git/webhook/fleet", null, patience.Token)).StatusCode != HttpStatusCode.Accepted)
            await Task.Delay(100, patience.Token);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_does_not_stop_the_start()
    {
        await using var console = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([new Uri("http://nowhere.invalid:8080")], [console.Address]);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await gateway.Client.PostAsync("/api/git/webhook/fleet", null, Cancelled)).StatusCode);
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.GetAsync("/", Cancelled)).StatusCode);
    }

    [Fact]
    public async Task A_full_delivery_passes_and_a_larger_one_is_refused_however_its_length_is_told()
    {
        await using var replica = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([replica.Address], [replica.Address]);
        Assert.Equal(HttpStatusCode.Accepted, (await gateway.Client.PostAsync("/api/git/webhook/fleet", new ByteArrayContent(new byte[25_000_000]), Cancelled)).StatusCode);
        Assert.Equal(25_000_000, replica.Requests.Single().BodyLength);

        var told = await Wire.SendAsync(gateway.Address, "POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\nConnection: close\r\n\r\n", Cancelled);
        Assert.Equal([413], Wire.Statuses(told));
        var chunk = "100000\r\n" + new string('x', 0x100000) + "\r\n";
        var chunked = "POST /api/git/webhook/fleet HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + string.Concat(Enumerable.Repeat(chunk, 27)) + "0\r\n\r\n";
        var answer = await Wire.SendAsync(gateway.Address, chunked, Cancelled);
        Assert.Equal([413], Wire.Statuses(answer));
        Assert.Single(replica.Requests);
    }

    [Fact]
    public void Missing_destinations_stop_the_start_with_all_problems_named()
    {
        var stopped = Assert.Throws<Ampora.Hosting.Settings.SettingsException>(() => GatewayUnderTest.Compose(new()
        {
            ["environment"] = "Production",
            ["Ampora:Webhooks:AllowHttp"] = "true",
            ["Ampora:Gateway:Console"] = "console:8080/x",
            ["Ampora:Gateway:TrustedProxies"] = "10.0.0.0/33",
            ["Ampora:Gateway:PathPrefix"] = "/api",
            ["Ampora:Gateway:Certificate"] = "/nowhere/tls.crt",
        }));
        foreach (var setting in new[] { "Ampora__Gateway__Ingress", "Ampora__Gateway__Console", "Ampora__Webhooks__AllowHttp", "Ampora__Gateway__TrustedProxies", "Ampora__Gateway__PathPrefix", "Ampora__Gateway__CertificateKey" })
            Assert.Contains(stopped.Problems, problem => problem.Contains(setting, StringComparison.Ordinal));
    }
}
