using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace Ampora.Git.Http;

/// <summary>An answer to a discovery, its head read: either what a v2 server said, or the open list of refs of another.</summary>
/// <param name="V2">What the server with protocol v2 said; null for another.</param>
/// <param name="Response">The answer.</param>
/// <param name="Reader">With v0, its line is the first ref, and empty if there is none; it reads on from there.</param>
/// <param name="BaseUrl">Where the repository is served.</param>
internal sealed record OpenDiscovery(Discovery? V2, HttpResponseMessage Response, PacketReader Reader, string BaseUrl) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        // The response first: it closes the connection of an answer that is given up, where the stream alone would read it to its end.
        Response.Dispose();
        await Reader.DisposeAsync();
    }
}

/// <summary>Smart HTTP (gitprotocol-http) towards one repository: discovery and requests, each failure in words.</summary>
internal sealed class RepositoryHttp(GitHttp http, Discoveries discoveries, GitLimits limits, TimeProvider time)
{
    // Capabilities are a dozen lines.
    private const int MaxCapabilities = 256;

    public GitHttp Http => http;

    public Discoveries Discoveries => discoveries;

    /// <summary>Asks what the server speaks. A redirect within the host is followed once.</summary>
    public async Task<OpenDiscovery> DiscoverAsync(GitRemote remote, CancellationToken cancellationToken)
    {
        var baseUrl = remote.Url.ToString().TrimEnd('/');
        var response = await GetAsync(remote, baseUrl, cancellationToken);
        try
        {
            if (FindRedirect(response, remote, baseUrl) is { } newBase)
            {
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
            var version2 = await ReadHeadAsync(reader, baseUrl, cancellationToken);
            if (version2 is not null)
                discoveries.Keep(remote, version2);
            return new OpenDiscovery(version2, response, reader, baseUrl);
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
        var response = await http.SendAsync(HttpMethod.Post, uri, remote.Authorization, Shape, cancellationToken);
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

    private async Task<HttpResponseMessage> GetAsync(GitRemote remote, string baseUrl, CancellationToken cancellationToken) =>
        await http.SendAsync(
            HttpMethod.Get,
            GitUrl.AsUri(baseUrl + Discovery.Suffix + Discovery.Query),
            remote.Authorization,
            static request => request.Headers.Add("Git-Protocol", "version=2"),
            cancellationToken);

    // The credential was given for scheme, host and port; a redirect may change nothing of that.
    private static string? FindRedirect(HttpResponseMessage response, GitRemote remote, string baseUrl)
    {
        if ((int)response.StatusCode is < 300 or >= 400)
            return null;
        if (response.Headers.Location is not { } location)
            throw HostFailure.Moved(remote, to: null);
        var from = GitUrl.AsUri(baseUrl + Discovery.Suffix);
        var to = new Uri(from, location);
        var sameHost = to.Scheme == from.Scheme && to.Port == from.Port && string.Equals(to.IdnHost, from.IdnHost, StringComparison.OrdinalIgnoreCase);
        if (!sameHost || to.UserInfo.Length > 0 || !to.AbsolutePath.EndsWith(Discovery.Suffix, StringComparison.Ordinal))
            throw HostFailure.Moved(remote, to);
        return $"{from.Scheme}://{from.Authority}{to.AbsolutePath[..^Discovery.Suffix.Length]}";
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

    // "# service=git-upload-pack" and a flush come first with most servers, by the book before v0 alone.
    private static async Task<Discovery?> ReadHeadAsync(PacketReader reader, string baseUrl, CancellationToken cancellationToken)
    {
        var advertisement = new MemoryStream();
        if (await reader.ReadAsync(cancellationToken) != PacketKind.Data)
            throw PacketReader.Broken("an empty answer");
        if (reader.Line.Span.StartsWith("# service="u8))
        {
            if (!reader.Line.Span.SequenceEqual("# service=git-upload-pack"u8) || await reader.ReadAsync(cancellationToken) != PacketKind.Flush)
                throw PacketReader.Broken("an answer for another service");
            switch (await reader.ReadAsync(cancellationToken))
            {
                case PacketKind.Data: break;
                // With v0 an empty repository is an empty list.
                case PacketKind.Flush: return null;
                default: throw PacketReader.Broken("an answer without capabilities");
            }
        }

        if (!reader.Line.Span.SequenceEqual("version 2"u8))
            return null;
        Append(advertisement, "# service=git-upload-pack"u8);
        advertisement.Write("0000"u8);
        Append(advertisement, reader.Line.Span);
        var (digits, sendsFormat, lists, fetches) = (ObjectId.Sha1Digits, false, false, false);
        for (var lines = 0; await reader.ReadAsync(cancellationToken) is var kind && kind != PacketKind.Flush; lines++)
        {
            if (kind != PacketKind.Data || lines > MaxCapabilities)
                throw PacketReader.Broken("a list of capabilities that has no end");
            Append(advertisement, reader.Line.Span);
            var text = reader.Text;
            lists |= text == "ls-refs" || text.StartsWith("ls-refs=", StringComparison.Ordinal);
            fetches |= text == "fetch" || text.StartsWith("fetch=", StringComparison.Ordinal);
            if (!text.StartsWith("object-format=", StringComparison.Ordinal))
                continue;
            sendsFormat = true;
            digits = text switch
            {
                "object-format=sha1" => ObjectId.Sha1Digits,
                "object-format=sha256" => ObjectId.Sha256Digits,
                _ => throw PacketReader.Broken($"an object format that this version does not know ({Readable.Line(text)})"),
            };
        }

        advertisement.Write("0000"u8);
        return lists && fetches
            ? new Discovery(baseUrl, digits, sendsFormat, advertisement.ToArray())
            : throw PacketReader.Broken("capabilities without ls-refs and fetch");
    }

    private static void Append(MemoryStream stream, ReadOnlySpan<byte> line)
    {
        stream.Write(Encoding.ASCII.GetBytes((line.Length + 5).ToString("x4", CultureInfo.InvariantCulture)));
        stream.Write(line);
        stream.WriteByte((byte)'\n');
    }
}
