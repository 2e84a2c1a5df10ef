using System.Net;
using System.Net.Http.Headers;

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

    private readonly HttpClient _client;

    public GitHttp(GuardedConnector connector, GitLimits limits)
    {
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
            ConnectCallback = (context, cancellationToken) => connector.ConnectAsync(context.DnsEndPoint, cancellationToken),
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
}

/// <summary>What Ampora calls itself towards Git hosts.</summary>
internal static class Agent
{
    public static string Version { get; } = typeof(Agent).Assembly.GetName().Version?.ToString(3) ?? "0";
}
