using Ampora.Hosting.Http;

namespace Ampora.Gateway.Front;

/// <summary>
/// Stands before everything: decides who sent the request and over what, refuses paths that two programs might read differently, takes the
/// path prefix off, and lets webhooks in by TLS alone.
/// </summary>
internal sealed class FrontDoor(RequestDelegate next, FrontRules rules)
{
    private static readonly PathString Webhooks = "/api/git/webhook";

    // A year, as browsers and scanners expect.
    private const string StrictTransport = "max-age=31536000";

    public Task InvokeAsync(HttpContext context)
    {
        ForwardedRequest.Apply(context, rules.Trusted, withPrefix: false);
        if (!RawPath.IsPlain(context))
            return RefuseAsync(context, 400, "bad_path", "The path is ambiguous", "Send a plain path: no empty or dot segments, no backslash, and no encoded slash or control character.");
        if (HasTwoLengths(context.Request))
        {
            context.Response.Headers.Connection = "close";
            return RefuseAsync(context, 400, "ambiguous_length", "Two lengths", "Send Content-Length or Transfer-Encoding, not both.");
        }
        TakePrefix(context.Request);

        var https = context.Request.IsHttps;
        if (https)
            context.Response.Headers.StrictTransportSecurity = StrictTransport;
        if (context.Request.Path.StartsWithSegments(Webhooks, out var rest))
            return WebhookAsync(context, rest, https);
        // Where there is TLS nobody needs the plain port, and a redirect would come after the credential was sent.
        return https || !rules.Tls ? next(context) : RefusePlainAsync(context);
    }

    private Task WebhookAsync(HttpContext context, PathString rest, bool https)
    {
        if (!https && !rules.WebhooksOverHttp)
            return RefusePlainAsync(context);
        if (rest.Value is { Length: > 0 } source && (source.Length == 1 || source.IndexOf('/', 1) >= 0))
            return RefuseAsync(context, 404, "not_found", "No such path", "A webhook goes to /api/git/webhook or /api/git/webhook/{sourceId}.");
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.Headers.Allow = HttpMethods.Post;
            return RefuseAsync(context, 405, "method_not_allowed", "Webhooks are sent by POST", "Set the Git host's webhook to POST.");
        }
        if (context.Features.Get<QueryToken>() is { } token)
        {
            if (token.Ambiguous || context.Request.Headers.ContainsKey(QueryToken.Header))
                return RefuseAsync(context, 400, "ambiguous_token", "More than one token", $"Send the token once: in {QueryToken.Header}, or as ?token= where no header can be set.");
            context.Request.Headers[QueryToken.Header] = token.Value;
        }
        if (context.Request.ContentLength > HttpLimits.MaxRequestBodyBytes)
            return RefuseAsync(context, 413, "body_too_large", "The body is too large", $"A webhook may have up to {HttpLimits.MaxRequestBodyBytes / 1024 / 1024} MiB; Git hosts send no more than 25 MB.");
        return next(context);
    }

    // The web server goes by the chunks, as it may, and keeps the other length under this name. A server in front that goes by the
    // length would see another request in the same bytes.
    private static bool HasTwoLengths(HttpRequest request) => request.Headers.TransferEncoding.Count > 0 && request.Headers.ContainsKey("X-Content-Length");

    /// <summary>Takes the prefix off where it was kept; either way what is behind knows under which path it is published.</summary>
    private void TakePrefix(HttpRequest request)
    {
        if (!rules.Prefix.HasValue)
            return;
        if (request.Path.StartsWithSegments(rules.Prefix, StringComparison.Ordinal, out var rest))
            request.Path = rest.HasValue ? rest : "/";
        request.PathBase = rules.Prefix;
    }

    private static Task RefusePlainAsync(HttpContext context) => RefuseAsync(
        context, 403, "https_required", "HTTPS is required",
        "This came over plain HTTP. If a proxy in front ends TLS, name its addresses in Ampora__Gateway__TrustedProxies so that its X-Forwarded-Proto counts; "
        + "otherwise give the gateway TLS (Ampora__Gateway__Certificate and Ampora__Gateway__CertificateKey) and send to https://.");

    private static Task RefuseAsync(HttpContext context, int status, string code, string title, string detail) =>
        Problem.Because(status, code, title, detail).ExecuteAsync(context);
}
