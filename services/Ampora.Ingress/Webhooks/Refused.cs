using System.Net.Mime;
using System.Text;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// The 401 of every refused webhook, the same bytes whatever was wrong: whoever has no token must not learn which sources exist. What was
/// wrong is in the audit log.
/// </summary>
internal sealed class Refused : IResult
{
    // Written out, not serialized for each: no trace id or other particular can slip in, and a flood of them costs next to nothing.
    private static readonly byte[] Body = Encoding.UTF8.GetBytes(
        """
        {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"The webhook was refused","status":401,
        "detail":"Send the source's webhook token in the header X-Ampora-Webhook-Token. The audit log says what was wrong.","code":"webhook_refused"}
        """);

    public static Refused Alike { get; } = new();

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = StatusCodes.Status401Unauthorized;
        // RFC 9110 asks for a challenge with every 401.
        response.Headers.WWWAuthenticate = PresentedToken.Header;
        response.ContentType = MediaTypeNames.Application.ProblemJson;
        response.ContentLength = Body.Length;
        await response.Body.WriteAsync(Body, httpContext.RequestAborted);
    }
}
