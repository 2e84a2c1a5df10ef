using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ampora.TestServers;

namespace Ampora.Gateway.Tests;

public sealed class TlsSpecs : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ampora-tls-").FullName;

    // Which certificate it is, is what the tests look at.
    private static readonly RemoteCertificateValidationCallback Whatever = (_, certificate, _, _) => certificate is not null;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_certificate_everything_but_health_is_on_HTTPS_alone_and_a_new_certificate_is_taken_without_a_restart()
    {
        WriteCertificate("CN=first");
        var port = FreePort.Next();
        await using var ingress = await Replica.StartAsync();
        await using var console = await Replica.StartAsync();
        await using var gateway = await GatewayUnderTest.StartAsync([ingress.Address], [console.Address], new()
        {
            ["environment"] = "Production",
            ["Ampora:Gateway:Certificate"] = Path.Combine(_folder, "tls.crt"),
            ["Ampora:Gateway:CertificateKey"] = Path.Combine(_folder, "tls.key"),
            ["Ampora:Gateway:HttpsPort"] = $"{port}",
        });

        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Client.PostAsync("/api/git/webhook/fleet", null, Cancelled)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Client.GetAsync("/", Cancelled)).StatusCode);
        Assert.Equal("ready", await gateway.Client.GetStringAsync("/healthz/ready", Cancelled));

        using (var client = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = Whatever } }) { BaseAddress = new Uri($"https://localhost:{port}") })
        {
            var answer = await client.PostAsync("/api/git/webhook/fleet?token=abc", null, Cancelled);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            Assert.Equal(["max-age=31536000"], answer.Headers.GetValues("Strict-Transport-Security"));
            Assert.Equal(("https", "abc"), (ingress.Requests.Single().Headers["X-Forwarded-Proto"], ingress.Requests.Single().Headers["X-Ampora-Webhook-Token"]));
        }

        Assert.Equal("CN=first", await SubjectAsync(port));
        // What cannot be read leaves the old one in place.
        await File.WriteAllTextAsync(Path.Combine(_folder, "tls.crt"), "half a certificate", Cancelled);
        await Task.Delay(TimeSpan.FromSeconds(6), Cancelled);
        Assert.Equal("CN=first", await SubjectAsync(port));
        WriteCertificate("CN=second");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (await SubjectAsync(port) != "CN=second")
            await Task.Delay(200, patience.Token);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<string> SubjectAsync(int port)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, port, Cancelled);
        await using var tls = new SslStream(socket.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = Whatever }, Cancelled);
        return tls.RemoteCertificate!.Subject;
    }

    private void WriteCertificate(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Path.Combine(_folder, "tls.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Path.Combine(_folder, "tls.crt"), certificate.ExportCertificatePem());
    }
}
