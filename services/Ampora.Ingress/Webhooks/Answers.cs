using System.Text.Json.Serialization;
using Ampora.Hosting.Http;
using Ampora.Ingress.Bodies;

namespace Ampora.Ingress.Webhooks;

/// <summary>What the sender of a source's webhook is told, once that is committed.</summary>
/// <param name="DeliveryId">The delivery's id in the source's ledger.</param>
/// <param name="Verdict"><c>accepted</c> or <c>ignored</c>.</param>
/// <param name="Reason">Why it was ignored; absent when it was not.</param>
internal sealed record SourceAnswer(
    string DeliveryId,
    string Verdict,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);

/// <summary>What the sender of a webhook at the shared endpoint is told, once that is committed.</summary>
/// <param name="DeliveryId">The delivery's id, the same in the ledger of every source.</param>
/// <param name="Verdict"><c>accepted</c> when it woke at least one source, otherwise <c>ignored</c>.</param>
/// <param name="Matched">The sources that it woke.</param>
/// <param name="Reason">Why it woke none; null when it did.</param>
/// <param name="Detail">The same in words; absent when it did.</param>
internal sealed record SharedAnswer(
    string DeliveryId,
    string Verdict,
    IReadOnlyList<string> Matched,
    string? Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail);

/// <summary>The answers to a webhook that says nothing about its credentials.</summary>
internal static class Answers
{
    public static IResult Unavailable(HttpResponse response)
    {
        response.Headers.RetryAfter = "1";
        return Problem.Because(
            StatusCodes.Status503ServiceUnavailable,
            "store_unavailable",
            "The webhook could not be stored",
            "Send it again. A webhook is answered 202 only when it is stored durably, and the database did not answer in time.");
    }

    public static IResult UnsupportedMediaType(TimeProvider time) => new AnswerBeforeEnd(
        Problem.Because(
            StatusCodes.Status415UnsupportedMediaType,
            "unsupported_media_type",
            "The body cannot be read",
            "Send JSON as application/json, or as the field payload of a form (application/x-www-form-urlencoded), and without Content-Encoding."),
        time);

    public static IResult Malformed(string problem) => Problem.Because(
        StatusCodes.Status400BadRequest,
        "malformed_payload",
        "The payload cannot be read",
        $"Send the Git host's payload as it is. {problem}");
}
