using System.Net.Http.Headers;
using Ampora.Git.Credentials;
using Ampora.Git.Protocol;

namespace Ampora.Git.Http;

/// <summary>An answer to a discovery, its head read: either what a v2 server said, or the open list of refs of another.</summary>
/// <param name="V2">What the server with protocol v2 said; null for another.</param>
/// <param name="Response">The answer.</param>
/// <param name="Reader">With v0, its line is the first ref, and empty if there is none; it reads on from there.</param>
/// <param name="BaseUrl">Where the repository is served.</param>
/// <param name="MovedTo">The same, when the host said that it is there for good; null when it did not.</param>
internal sealed record OpenDiscovery(Discovery? V2, HttpResponseMessage Response, PacketReader Reader, string BaseUrl, string? MovedTo) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        // The response first: it closes the connection of an answer that is given up, where the stream alone would read it to its end.
        Response.Dispose();
        await Reader.DisposeAsync();
    }
}

/// <summary>Smart HTTP (gitprotocol-http) towards one repository: discovery and requests, each failure in words.</summary>
internal sealed class RepositoryHttp(GitHttp http, HttpLogins logins, HostGate hosts, Discoveries discoveries, GitLimits limits, TimeProvider time)
{
    public Discoveries Discoveries => discoveries;

    /// <summary>Asks what the server speaks. A redirect within the host is followed once.</summary>
    public async Task<OpenDiscovery> DiscoverAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        var baseUrl = remote.Url.ToString().TrimEnd('/');
        string? movedTo = null;
        var response = await GetAsync(remote, baseUrl, cancellationToken);
        try
        {
            if (FindRedirect(response, remote, baseUrl) is { } newBase)
            {
                movedTo = (int)response.StatusCode is 301 or 308 ? newBase : null;
                response.Dispose();
                baseUrl = newBase;
                response = await GetAsync(remote, baseUrl, cancellationToken);
                if ((int)response.StatusCode is >= 300 and < 400)
                    throw HostFailure.Moved(remote, response.Headers.Location is { } to ? new Uri(GitUrl.AsUri(baseUrl), to) : null);
            }

            if (HostFailure.Of(response, remote, time) is { } failure)
                throw failure;
            Expect(response, Discovery.AdvertisementType);
            var reader = new PacketReader(await response.Content.ReadAsStreamAsync(cancellationToken), limits.RefListBytes);
            var version2 = await Capabilities.ReadAsync(reader, mayBeEmpty: false, cancellationToken) is { } capabilities ? new Discovery(baseUrl, movedTo, capabilities) : null;
            if (version2 is not null)
                discoveries.Keep(remote, version2);
            return new OpenDiscovery(version2, response, reader, baseUrl, movedTo);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request for refs or objects; the answer's body is a Git answer, or this throws.</summary>
    public async Task<HttpResponseMessage> PostAsync(
        GitRemote remote, Uri uri, HttpContent content, string? protocol, CancellationToken cancellationToken)
    {
        var response = await SendAsync(remote, HttpMethod.Post, uri, Shape, cancellationToken);
        try
        {
            if ((int)response.StatusCode is >= 300 and < 400)
                throw HostFailure.Moved(remote, to: null);
            if (HostFailure.Of(response, remote, time) is { } failure)
                throw failure;
            Expect(response, Discovery.ResultType);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }

        void Shape(HttpRequestMessage request)
        {
            request.Content = content;
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(Discovery.ResultType));
            if (protocol is not null)
                request.Headers.Add("Git-Protocol", protocol);
        }
    }

    private Task<HttpResponseMessage> GetAsync(GitRemote remote, string baseUrl, CancellationToken cancellationToken) => SendAsync(
        remote,
        HttpMethod.Get,
        GitUrl.AsUri(baseUrl + Discovery.Suffix + Discovery.Query),
        static request => request.Headers.Add("Git-Protocol", "version=2"),
        cancellationToken);

    // At the host's pace; what it says of its limits counts for all who ask it. A login that has ended before its time is renewed once.
    private async Task<HttpResponseMessage> SendAsync(
        GitRemote remote, HttpMethod method, Uri uri, Action<HttpRequestMessage> shape, CancellationToken cancellationToken)
    {
        var canRepeat = true;
        for (var isFirst = true; ; isFirst = false)
        {
            await hosts.PaceAsync(remote, cancellationToken);
            var login = await logins.FindAsync(remote, cancellationToken);
            var response = await http.SendAsync(remote, method, uri, login, Shape, cancellationToken);
            if (RateHeaders.Find(response, time) is { } wait)
                hosts.LeaveAlone(remote, wait);
            if ((int)response.StatusCode != 401 || login is null || !logins.Forget(remote, login) || !isFirst || !canRepeat)
                return response;
            response.Dispose();
        }

        void Shape(HttpRequestMessage request)
        {
            shape(request);
            canRepeat = request.Content is null or ByteArrayContent;
        }
    }

    // The credential was given for scheme, host and port; a redirect may change nothing of that.
    private static string? FindRedirect(HttpResponseMessage response, GitRemote remote, string baseUrl)
    {
        if ((int)response.StatusCode is not (301 or 302 or 307 or 308))
            return null;
        if (response.Headers.Location is not { } location)
            throw HostFailure.Moved(remote, to: null);
        var from = GitUrl.AsUri(baseUrl + Discovery.Suffix);
        var to = new Uri(from, location);
        var sameHost = to.Scheme == from.Scheme && to.Port == from.Port && string.Equals(to.IdnHost, from.IdnHost, StringComparison.OrdinalIgnoreCase);
        if (!sameHost || to.UserInfo.Length > 0 || !to.AbsolutePath.EndsWith(Discovery.Suffix, StringComparison.Ordinal))
            throw HostFailure.Moved(remote, to);
        var newBase = $"{from.Scheme}://{from.Authority}{to.AbsolutePath[..^Discovery.Suffix.Length]}";
        return GitUrl.TryParse(newBase, out _) is null ? newBase : throw HostFailure.Moved(remote, to: null);
    }

    private static void Expect(HttpResponseMessage response, string type)
    {
        var got = response.Content.Headers.ContentType?.MediaType;
        if (got != type)
        {
            throw PacketReader.Broken(got switch
            {
                null => "an answer without a content type",
                "text/html" => "a web page",
                "text/plain" when type == Discovery.AdvertisementType => "a plain file, as a server does that has no smart HTTP (git http-backend)",
                _ => $"content of the type {Readable.Line(got)}",
            });
        }

        if (response.Content.Headers.ContentEncoding.Count > 0)
            throw PacketReader.Broken("a compressed answer, which nobody asked for");
    }
}
