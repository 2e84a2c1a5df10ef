using System.Net.Mime;
using System.Text;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// The 401 of every refused webhook, the same bytes whatever was wrong: whoever has no secret must not learn which sources exist. What was
/// wrong is in the ledger.
/// </summary>
internal sealed class Refused : IResult
{
    // Written out, not serialized for each: no trace id or other particular can slip in, and a flood of them costs next to nothing.
    private static readonly byte[] Body = Encoding.UTF8.GetBytes(
        """
        {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"The webhook was refused","status":401,
        "detail":"The webhook's secret is missing or wrong, or there is nothing here. The ledger of deliveries says what was wrong.","code":"webhook_refused"}
        """);

    private const string Challenge = "X-Ampora-Webhook-Token, Basic realm=\"Ampora webhooks\", charset=\"UTF-8\"";

    public static Refused Alike { get; } = new();

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = StatusCodes.Status401Unauthorized;
        // RFC 9110 asks for a challenge with every 401, and some clients send a password only after one.
        response.Headers.WWWAuthenticate = Challenge;
        response.ContentType = MediaTypeNames.Application.ProblemJson;
        response.ContentLength = Body.Length;
        await response.Body.WriteAsync(Body, httpContext.RequestAborted);
    }
}
