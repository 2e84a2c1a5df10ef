using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Ampora.Git.Http;

/// <summary>
/// The one HTTP client that talks to Git hosts: pooled connections, made only to addresses that the policy allows. Redirects, cookies,
/// decompression and proxies are off: each would move a credential, or bytes, where nobody asked for it. A proxy from the environment
/// is not used either, since the address policy could not see behind it.
/// </summary>
internal sealed class GitHttp : IDisposable
{
    // Names and certificates change; a connection that lives for ever would not notice.
    private static readonly TimeSpan ConnectionLifetime = TimeSpan.FromMinutes(10);

    // Shorter than servers' usual keep-alive (75 s with nginx), so that a check rarely meets a connection that is just being closed.
    private static readonly TimeSpan ConnectionIdle = TimeSpan.FromSeconds(60);

    // Git hosts send a dozen headers.
    private const int HeaderKilobytes = 32;

    // An answer that is given up is read to its end only if that is nearly there; else its connection is closed.
    private const int DrainBytes = 64 * 1024;

    // More than all checks at once to one host need.
    private const int ConnectionsPerServer = 64;

    private readonly AddressPolicy _policy;
    private readonly HttpClient _client;

    public GitHttp(AddressPolicy policy, GitLimits limits)
    {
        _policy = policy;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            PreAuthenticate = false,
            Credentials = null,
            // The Git host has no part in Ampora's traces.
            ActivityHeadersPropagator = null,
            ConnectTimeout = limits.ConnectDeadline,
            ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, limits.ConnectDeadline, cancellationToken),
            PooledConnectionLifetime = ConnectionLifetime,
            PooledConnectionIdleTimeout = ConnectionIdle,
            MaxConnectionsPerServer = ConnectionsPerServer,
            MaxResponseHeadersLength = HeaderKilobytes,
            MaxResponseDrainSize = DrainBytes,
        };
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("ampora", Agent.Version));
    }

    /// <summary>Sends a request with the remote's authorization; returns as soon as the headers are there, whatever they say.</summary>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, Uri uri, AuthenticationHeaderValue? authorization, Action<HttpRequestMessage> shape, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.Authorization = authorization;
        shape(request);
        return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    public void Dispose() => _client.Dispose();

    private async ValueTask<Stream> ConnectAsync(DnsEndPoint endPoint, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var addresses = IPAddress.TryParse(endPoint.Host.Trim('[', ']'), out var literal)
            ? [literal]
            : await Dns.GetHostAddressesAsync(endPoint.Host, cancellationToken);
        // A dead address, often the IPv6 one of a host without IPv6, must leave time for the next.
        var share = TimeSpan.FromTicks(Math.Max(deadline.Ticks / Math.Max(addresses.Length, 1), TimeSpan.TicksPerSecond));
        string? denied = null;
        Exception? failure = null;
        foreach (var address in addresses)
        {
            var target = new IPEndPoint(address, endPoint.Port);
            var problem = _policy.FindProblem(address)
                ?? (await _policy.IsOwnPartAsync(target, cancellationToken) ? $"{target} is one of Ampora's own services, not a Git host." : null);
            if (problem is not null)
            {
                denied ??= problem;
                continue;
            }

            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                patience.CancelAfter(share);
                await socket.ConnectAsync(target, patience.Token);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                socket.Dispose();
                cancellationToken.ThrowIfCancellationRequested();
                failure = e is SocketException ? e : new SocketException((int)SocketError.TimedOut);
            }
        }

        if (failure is null && denied is not null)
        {
            throw new GitException(
                "address_denied",
                $"Connections to {endPoint.Host} are denied: {denied}",
                "Correct the URL, or allow the address with Ampora__Git__AllowedNetworks if the Git host really is there.");
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }
}

/// <summary>What Ampora calls itself towards Git hosts.</summary>
internal static class Agent
{
    public static string Version { get; } = typeof(Agent).Assembly.GetName().Version?.ToString(3) ?? "0";
}
