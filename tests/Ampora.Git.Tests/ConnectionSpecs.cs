using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ampora.TestServers;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Git.Tests;

/// <summary>What is connected to, and what is not.</summary>
public sealed class ConnectionSpecs
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Host=localhost;Port={0};Database=x")]
    [InlineData("Host=db.example,127.0.0.1:{0};Database=x")]
    [InlineData("amqp://user:secret@127.0.0.1:{0}/vhost")]
    public async Task Ampora_s_own_parts_are_denied_although_loopback_is_allowed(string connection)
    {
        await using var server = await GitHttpServer.StartAsync();
        var repository = server.CreateRepository();
        await repository.CommitAsync(("a.txt", "one"));
        var services = new ServiceCollection();
        services.Configure<GitLimits>(limits => limits.AllowedNetworks = "127.0.0.0/8, ::1");
        services.AddGit(Path.GetTempPath(), (_, policy) => policy.DenyConnection(string.Format(null, connection, server.Port)));
        await using var provider = services.BuildServiceProvider();

        var error = await Assert.ThrowsAsync<GitException>(
            () => provider.GetRequiredService<TipReader>().ReadAsync(GitServices.Remote(repository), "main", 0, Cancelled));

        Assert.Equal("address_denied", error.Code);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(repository.Requests);
    }

    [Theory]
    [InlineData("http://*:{0}")]
    [InlineData("http://127.0.0.1:{0}/")]
    [InlineData("http://[::]:{0}")]
    public async Task What_the_process_itself_listens_on_is_denied(string listener)
    {
        var policy = new AddressPolicy(new GitLimits()) { AllowLoopback = true, OwnListeners = () => [string.Format(null, listener, 8080)] };

        Assert.True(await policy.IsOwnPartAsync(new IPEndPoint(IPAddress.Loopback, 8080), Cancelled));
        Assert.True(await policy.IsOwnPartAsync(new IPEndPoint(IPAddress.Parse("::ffff:127.0.0.2"), 8080), Cancelled));
        Assert.False(await policy.IsOwnPartAsync(new IPEndPoint(IPAddress.Loopback, 80), Cancelled));
        Assert.False(await policy.IsOwnPartAsync(new IPEndPoint(IPAddress.Parse("10.0.0.1"), 8080), Cancelled));
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_refused()
    {
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync();
        await using var git = new GitServices();

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(
            GitServices.Remote($"https://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}/x"), "main", 0, Cancelled));

        Assert.Equal("tls_failed", error.Code);
        await serving;

        async Task ServeAsync()
        {
            using var client = await listener.AcceptTcpClientAsync(Cancelled);
            await using var tls = new SslStream(client.GetStream());
            try
            {
                await tls.AuthenticateAsServerAsync(certificate);
                await tls.ReadExactlyAsync(new byte[1], Cancelled);
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
            {
                // The client refuses, as it should.
            }
        }
    }

    [Fact]
    public async Task Https_to_a_port_that_speaks_http_is_a_tls_failure()
    {
        await using var server = await GitHttpServer.StartAsync();
        await using var git = new GitServices();

        var error = await Assert.ThrowsAsync<GitException>(
            () => git.Tips.ReadAsync(GitServices.Remote($"https://127.0.0.1:{server.Port}/x.git"), "main", 0, Cancelled));

        Assert.Equal("tls_failed", error.Code);
    }

    [Fact]
    public async Task A_host_that_accepts_no_connection_is_given_up_before_the_tips_deadline()
    {
        // A full backlog: the kernel drops further connection requests, as a firewall does.
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        using var filling = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var filler = Enumerable.Range(0, 8).Select(_ => new Socket(SocketType.Stream, ProtocolType.Tcp)).ToList();
        try
        {
            await Task.WhenAll(filler.Select(socket => socket.ConnectAsync(listener.LocalEndPoint!, filling.Token).AsTask()));
        }
        catch (OperationCanceledException)
        {
            // Full.
        }

        await using var git = new GitServices(limits => limits.ConnectDeadline = TimeSpan.FromMilliseconds(500));

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(
            GitServices.Remote($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndPoint!).Port}/x"), "main", 0, Cancelled));

        Assert.Equal("unreachable", error.Code);
        filler.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Checks_share_a_connection()
    {
        var connections = 0;
        await using var host = new HostileHost(async (_, stream, cancellationToken) =>
        {
            Interlocked.Increment(ref connections);
            const string id = "1111111111111111111111111111111111111111";
            var bodies = new[]
            {
                HostileHost.Packets("# service=git-upload-pack", "", "version 2", "ls-refs", "fetch", ""),
                HostileHost.Packets(id + " refs/heads/main", ""),
                HostileHost.Packets(id + " refs/heads/main", ""),
            };
            var kind = "advertisement";
            foreach (var body in bodies)
            {
                await stream.WriteAsync(
                    Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\nContent-Length: {body.Length}\r\n\r\n{body}"), cancellationToken);
                kind = "result";
                // The next request, to its flush.
                var request = new byte[65536];
                for (var length = 0; length < 4 || !request.AsSpan(length - 4, 4).SequenceEqual("0000"u8);)
                {
                    var count = await stream.ReadAsync(request.AsMemory(length), cancellationToken);
                    if (count == 0)
                        return;
                    length += count;
                }
            }
        });
        await using var git = new GitServices();

        await git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled);
        await git.Tips.ReadAsync(GitServices.Remote(host.Url), "main", 0, Cancelled);

        Assert.Equal(1, connections);
    }
}
