using System.Security.Cryptography.X509Certificates;
using Ampora.TestServers;

namespace Ampora.Chaos.Broker;

/// <summary>All of Ampora over TLS to the broker, whose certificate is of an authority that only these processes were told of.</summary>
public sealed class EncryptedBroker
{
    [Fact(Explicit = true)]
    public async Task Trap_a_broker_with_a_certificate_of_a_trusted_authority_is_used_over_TLS()
    {
        using var authority = new TestAuthority();
        using var certificate = authority.Issue(90, "127.0.0.1");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, authority.Pem, Deployments.Deployment.Token);
            await using var deployment = await ChaosDeployment.StartedAsync(new OverTls(certificate, file));
            await Scenario.RunAsync(deployment, _ => Task.CompletedTask);
            var connections = await deployment.Broker.ControlAsync(Deployments.Deployment.Token, "list_connections", "name", "ssl");
            Assert.Contains("true", connections, StringComparison.Ordinal);
            Assert.DoesNotContain("false", connections, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private sealed class OverTls(X509Certificate2 certificate, string authorities) : BrokerDeployment
    {
        protected override Task<RabbitMqServer> StartBrokerAsync() => RabbitMqServer.StartPrivateAsync(BrokerSettings, certificate, Token);

        protected override IReadOnlyDictionary<string, string?> SettingsOf(string service, int replica) =>
            new Dictionary<string, string?>(base.SettingsOf(service, replica))
            {
                ["ConnectionStrings__Broker"] = new UriBuilder(BrokerAddress) { Scheme = "amqps", Port = Broker.TlsPort }.Uri.ToString(),
                ["SSL_CERT_FILE"] = authorities,
            };
    }
}
