using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using Ampora.Git.Credentials;

namespace Ampora.Git.Http;

/// <summary>
/// The only HTTP client that talks to Git hosts: pooled connections, made only as the policy allows. Redirects, cookies and decompression are off: each
/// would move a credential, or bytes, where nobody asked for it. No proxy comes from the environment, but from the settings alone.
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

    // Each has connections of its own. Organisations have one or two authorities.
    private const int MaxAuthorities = 64;

    private static readonly ProductInfoHeaderValue UserAgent = new("ampora", Agent.Version);

    private readonly GuardedConnector _connector;
    private readonly GitLimits _limits;
    private readonly HttpClient _client;
    private readonly ConcurrentDictionary<string, HttpClient> _clientsOfAuthorities = new(StringComparer.Ordinal);

    public GitHttp(GuardedConnector connector, GitLimits limits)
    {
        _connector = connector;
        _limits = limits;
        _client = NewClient(authorities: null);
    }

    /// <summary>Sends a request; returns as soon as the headers are there, whatever they say.</summary>
    /// <param name="remote">Whose certificate authorities count.</param>
    /// <param name="method">The method.</param>
    /// <param name="uri">Where to.</param>
    /// <param name="authorization">What to show that host.</param>
    /// <param name="shape">Adds content and headers.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<HttpResponseMessage> SendAsync(
        GitRemote remote, HttpMethod method, Uri uri, AuthenticationHeaderValue? authorization, Action<HttpRequestMessage> shape, CancellationToken cancellationToken)
    {
        // Not disposed, for that would dispose the content, which may be sent a second time and is its maker's to dispose.
        var request = new HttpRequestMessage(method, uri)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.UserAgent.Add(UserAgent);
        request.Headers.Authorization = authorization;
        shape(request);
        var client = remote.Credential?.Ca is { } ca ? FindClient(ca) : _client;
        if (_connector.Proxy is not { } proxy || uri.Scheme != "http" || proxy.IsBypassed(uri))
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);

        // In clear, the proxy reads each request, and one connection to it serves all hosts; so the host is checked here, and the login is in the request.
        await _connector.CheckAsync(new DnsEndPoint(uri.IdnHost, uri.Port), cancellationToken);
        if (proxy.Header is { } login)
            request.Headers.ProxyAuthorization = login;
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode != HttpStatusCode.ProxyAuthenticationRequired)
            return response;
        response.Dispose();
        throw ProxyTunnel.Refused(proxy, (int)HttpStatusCode.ProxyAuthenticationRequired, uri.Authority);
    }

    public void Dispose()
    {
        _client.Dispose();
        foreach (var client in _clientsOfAuthorities.Values)
            client.Dispose();
    }

    private HttpClient FindClient(string ca)
    {
        var digest = CertificateAuthorities.Digest(ca);
        if (_clientsOfAuthorities.TryGetValue(digest, out var known))
            return known;
        var authorities = CertificateAuthorities.Read(ca);
        // Whoever uses one still goes on with it; without users its connections end by themselves.
        if (_clientsOfAuthorities.Count >= MaxAuthorities)
            _clientsOfAuthorities.Clear();
        return _clientsOfAuthorities.GetOrAdd(digest, _ => NewClient(authorities));
    }

    private HttpClient NewClient(X509Certificate2Collection? authorities)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = _connector.Proxy is not null,
            Proxy = _connector.Proxy,
            PreAuthenticate = false,
            Credentials = null,
            // The Git host has no part in Ampora's traces.
            ActivityHeadersPropagator = null,
            ConnectTimeout = _limits.ConnectDeadline,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = ConnectionLifetime,
            PooledConnectionIdleTimeout = ConnectionIdle,
            MaxConnectionsPerServer = ConnectionsPerServer,
            MaxResponseHeadersLength = HeaderKilobytes,
            MaxResponseDrainSize = DrainBytes,
        };
        if (authorities is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(authorities);
            policy.ExtraStore.AddRange(authorities);
            handler.SslOptions.CertificateChainPolicy = policy;
        }

        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    // The proxy is asked for tunnels by the connector, as for every transport; only requests in clear go to the proxy itself.
    private ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) =>
        _connector.Proxy is { } proxy && context.InitialRequestMessage.RequestUri is { } uri && proxy.GetProxy(uri) is not null
            ? _connector.ConnectToProxyAsync(proxy, cancellationToken)
            : _connector.ConnectAsync(context.DnsEndPoint, cancellationToken);
}

/// <summary>What Ampora calls itself towards Git hosts.</summary>
internal static class Agent
{
    public static string Version { get; } = typeof(Agent).Assembly.GetName().Version?.ToString(3) ?? "0";
}
