using Ampora.Contracts;
using Ampora.Hosting.Bus;
using Ampora.TestServers;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Tests.Bus;

/// <summary>A broker that is there and does not let the service in: each says what to mend, and needs no restart when it is.</summary>
public sealed class BrokerRefusals(BrokerRefusals.EncryptedBroker fixture) : IClassFixture<BrokerRefusals.EncryptedBroker>
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);
    private readonly RabbitMqServer _broker = fixture.Server;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public sealed class EncryptedBroker : IAsyncLifetime
    {
        public TestAuthority Authority { get; } = new();

        public RabbitMqServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            using var certificate = Authority.Issue(90, "127.0.0.1");
            Server = await RabbitMqServer.StartPrivateAsync(new Dictionary<string, string>(), certificate, Cancelled);
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Authority.Dispose();
        }
    }

    [Fact]
    public async Task A_wrong_password_is_named_in_the_health_and_mended_at_the_broker_without_a_restart()
    {
        await using var bus = await BusUnderTest.StartAsync(new UriBuilder(_broker.Address) { Path = "shop", UserName = "ampora", Password = "amp_not-yet-set" }.Uri.ToString());
        var said = await UntilUnhealthyAsync(bus, "refuses the user ampora");
        Assert.Contains("ConnectionStrings__Broker", said, StringComparison.Ordinal);
        Assert.DoesNotContain("amp_not-yet-set", said, StringComparison.Ordinal);

        await _broker.ControlAsync(Cancelled, "eval",
            """rabbit_auth_backend_internal:add_user(<<"ampora">>, <<"amp_not-yet-set">>, <<"test">>).""");
        said = await UntilUnhealthyAsync(bus, "into the virtual host shop");
        Assert.Contains("add_vhost", said, StringComparison.Ordinal);

        await _broker.ControlAsync(Cancelled, "eval",
            """rabbit_vhost:add(<<"shop">>, <<"test">>), rabbit_auth_backend_internal:set_permissions(<<"ampora">>, <<"shop">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).""");
        await bus.UntilOneArrivesAsync(Soon, Cancelled);
        var began = TimeProvider.System.GetTimestamp();
        while ((await bus.HealthAsync()).Entries["bus"].Status != HealthStatus.Healthy)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Soon, "It works, and is called unhealthy.");
            await Task.Delay(100, Cancelled);
        }
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", "RemoteCertificateChainErrors")]
    [InlineData("localhost", "localhost", "RemoteCertificateNameMismatch")]
    public async Task A_certificate_of_nobody_trusted_or_for_another_host_is_refused_and_said(string host, string named, string problem)
    {
        await using var bus = await BusUnderTest.StartAsync(
            new UriBuilder(_broker.Address) { Scheme = "amqps", Host = host, Port = _broker.TlsPort }.Uri.ToString());
        var said = await UntilUnhealthyAsync(bus, "its certificate is not accepted");
        Assert.Contains(problem, said, StringComparison.Ordinal);
        Assert.Contains($"has to be for {named}", said, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() =>
            bus.Publisher.PublishAsync(new TipCheckRequested { SourceId = "secret" }, Guid.NewGuid(), TimeSpan.FromSeconds(5), Cancelled));
        Assert.Empty(bus.Received.Sources);
    }

    [Theory]
    [InlineData("amqp://one,two:5672/")]
    [InlineData("amqp://one:5672,two:5672/")]
    [InlineData("amqp://one:5672;amqp://two:5672")]
    public void Several_hosts_are_no_address(string address) => Assert.Null(BrokerAddress.Parse(address));

    private static async Task<string> UntilUnhealthyAsync(BusUnderTest bus, string words)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var entry = (await bus.HealthAsync()).Entries["bus"];
            if (entry is { Status: HealthStatus.Unhealthy, Description: { } said } && said.Contains(words, StringComparison.Ordinal))
                return said;
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Soon, $"It says: {entry.Description}");
            await Task.Delay(100, Cancelled);
        }
    }
}
