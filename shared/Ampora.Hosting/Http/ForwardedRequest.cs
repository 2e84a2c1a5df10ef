using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Ampora.Hosting.Http;

/// <summary>
/// Who sent a request, and over what, when proxies stand between. What a trusted peer says of the hop before it counts; what anybody
/// else says is dropped, so that nothing behind can believe it by accident.
/// </summary>
public static class ForwardedRequest
{
    private static readonly string[] Headers =
    [
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Real-IP",
        "X-Original-For", "X-Original-Proto", "X-Original-Host", "X-Original-Prefix", "X-Original-URL", "X-Rewrite-URL", "Forwarded",
    ];

    /// <summary>Sets the request's remote address, scheme and host to what trusted proxies say, and removes the headers.</summary>
    /// <param name="context">The request.</param>
    /// <param name="trusted">The proxies.</param>
    /// <param name="withPrefix">Whether a trusted proxy also names the path prefix under which it is published.</param>
    public static void Apply(HttpContext context, Networks trusted, bool withPrefix)
    {
        var request = context.Request;
        var peer = context.Connection.RemoteIpAddress is { } remote ? Networks.Plain(remote) : null;
        if (peer is not null && trusted.Contains(peer))
        {
            peer = Walk(request, peer, trusted);
            if (Values(request.Headers["X-Forwarded-Host"]) is [.., var host] && HostString.FromUriComponent(host) is { HasValue: true } forwarded)
                request.Host = forwarded;
            if (withPrefix && request.Headers["X-Forwarded-Prefix"] is [['/', ..] prefix])
                request.PathBase = new PathString(prefix.TrimEnd('/'));
        }
        context.Connection.RemoteIpAddress = peer;
        foreach (var header in Headers)
            request.Headers.Remove(header);
    }

    /// <summary>From the nearest proxy outward, as far as each hop is trusted.</summary>
    private static IPAddress Walk(HttpRequest request, IPAddress peer, Networks trusted)
    {
        var hops = Values(request.Headers["X-Forwarded-For"]);
        var schemes = Values(request.Headers["X-Forwarded-Proto"]);
        // A proxy that passes the address through but says the scheme.
        if (hops.Length == 0 && schemes is [.., "http" or "https"])
            request.Scheme = schemes[^1];
        for (var i = 1; i <= hops.Length && trusted.Contains(peer); i++)
        {
            if (!IPEndPoint.TryParse(hops[^i], out var hop))
                break;
            peer = Networks.Plain(hop.Address);
            // Some proxies write one scheme for the whole chain.
            var scheme = schemes.Length >= i ? schemes[^i] : schemes.FirstOrDefault();
            if (scheme is "http" or "https")
                request.Scheme = scheme;
        }
        return peer;
    }

    private static string[] Values(StringValues header) =>
        header.Count == 0 ? [] : string.Join(',', header.ToArray()).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
