using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Ampora.Git.Credentials;
using Ampora.Git.Http;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Ampora.Git.Fetching;

/// <summary>
/// The only HTTP server that git ever talks to: on loopback, in this process, it passes a fetch on to the Git host. So git never holds a
/// credential nor the host's address; address policy, refusal of redirects and byte limits are those of the tip check; and errors arrive
/// as they were answered instead of in git's words. Each fetch has a path and a secret header of its own, both 256 random bits; the path
/// shows in the list of processes, the header does not. Nothing is logged.
/// </summary>
internal sealed class GitRelay(RepositoryHttp repository, GitLimits limits) : IAsyncDisposable
{
    /// <summary>The header that proves a request comes from the git that was started for it.</summary>
    public const string SecretHeader = "X-Ampora-Relay";

    // What git asks with is a list of commits.
    private const long MaxRequestBytes = 16 * 1024 * 1024;

    private readonly ConcurrentDictionary<string, RelayedFetch> _fetches = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _starting = new(1);
    private KestrelServer? _server;
    private string? _address;

    /// <summary>Opens a way to a repository until the result is disposed.</summary>
    public async Task<RelayedFetch> OpenAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        var address = _address ?? await StartAsync(cancellationToken);
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var fetch = new RelayedFetch(
            remote, $"{address}/{id}", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), () => _fetches.TryRemove(id, out _), cancellationToken);
        _fetches[id] = fetch;
        return fetch;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            // Fetches in flight are cut; those who wait for them hear of it from git.
            await _server.StopAsync(new CancellationToken(canceled: true));
            _server.Dispose();
        }

        _starting.Dispose();
    }

    private async Task<string> StartAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_address is not null)
                return _address;
            // The bare server, without a host: no configuration from outside, no signals, no logs.
            var options = new KestrelServerOptions { AddServerHeader = false };
            options.Limits.MaxRequestBodySize = MaxRequestBytes;
            // git unpacks while it reads, and so may pause for long.
            options.Limits.MinResponseDataRate = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Listen(IPAddress.Loopback, 0);
            var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
            _server = new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance);
            await _server.StartAsync(new Application(AnswerAsync), cancellationToken);
            return _address = _server.Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        }
        finally
        {
            _starting.Release();
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        var slash = path.IndexOf('/', 1);
        if (slash < 0 || !_fetches.TryGetValue(path[1..slash], out var fetch) || !fetch.Knows(context.Request.Headers[SecretHeader].ToString()))
        {
            context.Response.StatusCode = 404;
            return;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, fetch.Ending);
        try
        {
            switch (context.Request.Method, path[slash..])
            {
                case ("GET", Discovery.Suffix) when context.Request.QueryString.Value == Discovery.Query:
                    await DiscoverAsync(fetch, context.Response, ending.Token);
                    break;
                case ("POST", Discovery.UploadPack):
                    await FetchAsync(fetch, context, ending.Token);
                    break;
                default:
                    context.Response.StatusCode = 404;
                    break;
            }
        }
        catch (Exception e)
        {
            if (!ending.IsCancellationRequested && HostFailure.Of(e, fetch.Remote) is { } failure)
                fetch.Fail(failure);
            if (context.Response.HasStarted || ending.IsCancellationRequested)
                context.Abort();
            else
                context.Response.StatusCode = 502;
        }
    }

    // What the tip check learnt is shown to git; it saves the host a request and the fetch a round trip.
    private async Task DiscoverAsync(RelayedFetch fetch, HttpResponse response, CancellationToken cancellationToken)
    {
        response.ContentType = Discovery.AdvertisementType;
        if (repository.Discoveries.Find(fetch.Remote) is { } known)
        {
            fetch.BaseUrl = known.BaseUrl;
            await response.Body.WriteAsync(known.Capabilities.Advertisement, cancellationToken);
            return;
        }

        await using var discovery = await repository.DiscoverAsync(fetch.Remote, cancellationToken);
        fetch.BaseUrl = discovery.BaseUrl;
        if (discovery.V2 is { } version2)
            await response.Body.WriteAsync(version2.Capabilities.Advertisement, cancellationToken);
        else
            await discovery.Reader.CopyAdvertisementAsync(response.Body, cancellationToken);
    }

    private async Task FetchAsync(RelayedFetch fetch, HttpContext context, CancellationToken cancellationToken)
    {
        var request = context.Request;
        using HttpContent content = fetch.Remote.Credential is GitCredential.GitHubApp
            ? new ByteArrayContent(await ReadAsync(request.Body, cancellationToken))
            : new StreamContent(request.Body);
        content.Headers.ContentType = new MediaTypeHeaderValue(Discovery.RequestType);
        content.Headers.ContentLength = request.ContentLength;
        if (request.Headers.ContentEncoding.Count > 0)
            content.Headers.ContentEncoding.Add(request.Headers.ContentEncoding.ToString());
        var protocol = request.Headers["Git-Protocol"].ToString();
        try
        {
            using var answer = await repository.PostAsync(
                fetch.Remote, GitUrl.AsUri(fetch.BaseUrl + Discovery.UploadPack), content, protocol.Length == 0 ? null : protocol, cancellationToken);
            context.Response.ContentType = Discovery.ResultType;
            await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = new byte[64 * 1024];
            int count;
            while ((count = await body.ReadAsync(buffer, cancellationToken)) > 0)
            {
                if (fetch.Count(count) > limits.PackBytes)
                {
                    throw new GitException(
                        "limit_exceeded",
                        $"The fetch transfers more than {limits.PackBytes} bytes.",
                        "Follow a smaller repository, or raise Ampora__Git__PackBytes.");
                }

                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            }
        }
        catch (GitException e) when (e.Code is "protocol_error" or "host_error" or "not_found" or "moved")
        {
            repository.Discoveries.Forget(fetch.Remote);
            throw;
        }
    }

    // A login that can end while it is used may take a second try, and so needs the whole request; MaxRequestBytes bounds it.
    private static async Task<byte[]> ReadAsync(Stream body, CancellationToken cancellationToken)
    {
        var whole = new MemoryStream();
        await body.CopyToAsync(whole, cancellationToken);
        return whole.ToArray();
    }

    private sealed class Application(Func<HttpContext, Task> answer) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => answer(context);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }
    }
}

/// <summary>One fetch through the relay.</summary>
internal sealed class RelayedFetch(GitRemote remote, string url, string secret, Action close, CancellationToken ending) : IDisposable
{
    private readonly byte[] _secret = Encoding.ASCII.GetBytes(secret);
    private long _bytes;
    private GitException? _failure;

    public GitRemote Remote => remote;

    /// <summary>The URL that git is given.</summary>
    public string Url => url;

    /// <summary>The header that git has to send.</summary>
    public string Header => $"{GitRelay.SecretHeader}: {secret}";

    /// <summary>Where the repository is served, known after discovery.</summary>
    public string BaseUrl { get; set; } = remote.Url.ToString().TrimEnd('/');

    public CancellationToken Ending => ending;

    /// <summary>The first thing that went wrong with the host.</summary>
    public GitException? Failure => _failure;

    public bool Knows(string header) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(header), _secret);

    public void Fail(GitException failure) => Interlocked.CompareExchange(ref _failure, failure, null);

    /// <summary>Counts transferred bytes.</summary>
    /// <returns>All so far.</returns>
    public long Count(int bytes) => Interlocked.Add(ref _bytes, bytes);

    public void Dispose() => close();
}
