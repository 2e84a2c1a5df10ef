using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Ampora.Hosting.Http;

/// <summary>
/// What every answer has in common: security headers, and a problem document where the application gave an error without a body,
/// an empty 404 or 405 for instance.
/// </summary>
internal sealed class FrontOfPipeline(RequestDelegate next, Draining draining)
{
    private const string NothingAllowed = "default-src 'none'; frame-ancestors 'none'";

    public async Task InvokeAsync(HttpContext context)
    {
        context.Response.OnStarting(state =>
        {
            var headers = ((HttpContext)state).Response.Headers;
            if (draining.IsUnderWay)
                headers.Connection = "close";
            headers.XContentTypeOptions = "nosniff";
            // A page that shows HTML says itself what it may load.
            if (headers.ContentSecurityPolicy.Count == 0)
                headers.ContentSecurityPolicy = NothingAllowed;
            if (!headers.ContainsKey("Referrer-Policy"))
                headers["Referrer-Policy"] = "no-referrer";
            return Task.CompletedTask;
        }, context);

        await next(context);
        if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
            await WriteProblemAsync(context);
    }

    private static Task WriteProblemAsync(HttpContext context)
    {
        var status = context.Response.StatusCode;
        var (code, detail) = status switch
        {
            400 => ("bad_request", "The request is malformed."),
            401 => ("unauthorized", "Credentials are missing or wrong."),
            403 => ("forbidden", "These credentials do not allow this."),
            404 => ("not_found", "There is nothing at this path."),
            405 => ("method_not_allowed", "The Allow header names the methods of this path."),
            406 => ("not_acceptable", "The answer cannot be given in the form asked for."),
            408 => ("request_timeout", "The request arrived too slowly."),
            411 => ("length_required", "Send a Content-Length."),
            413 => ("body_too_large", $"A body may have up to {HttpLimits.MaxRequestBodyBytes} bytes."),
            414 => ("uri_too_long", "The path and query are too long."),
            415 => ("unsupported_media_type", "Send application/json."),
            429 => ("too_many_requests", "Try again later."),
            500 => ("internal_error", (string?)null),
            502 => ("bad_gateway", "The service behind the gateway did not answer."),
            503 => ("unavailable", "Try again after the time in Retry-After."),
            504 => ("gateway_timeout", "The service behind the gateway did not answer in time."),
            _ => ("http_" + status, null),
        };
        if (status == StatusCodes.Status503ServiceUnavailable && context.Response.Headers.RetryAfter.Count == 0)
            context.Response.Headers.RetryAfter = "2";
        context.Response.ContentType = "application/problem+json";
        return context.Response.WriteAsync(JsonSerializer.Serialize(
            new ProblemBody(ReasonPhrases.GetReasonPhrase(status), status, detail, code), JsonSerializerOptions.Web), context.RequestAborted);
    }

    private sealed record ProblemBody(string Title, int Status, string? Detail, string Code);
}
