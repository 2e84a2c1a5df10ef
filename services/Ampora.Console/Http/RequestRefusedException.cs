namespace Ampora.Console.Http;

/// <summary>
/// Ends a request with a problem. An exception, so that a refusal found in the middle of a transaction rolls it back; <see cref="RefusalFilter"/> turns it
/// into the answer.
/// </summary>
internal sealed class RequestRefusedException(int status, string code, string title, string detail) : Exception(detail)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    public string Title { get; } = title;

    /// <summary>Each bad field's messages, by its name in the request.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>When to come again, for what passes by itself.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static RequestRefusedException NoSource(string id) =>
        new(404, "source_not_found", "No such source", $"There is no source '{Readable(id)}', or this token may not see it.");

    public static RequestRefusedException Paused(string id) =>
        new(409, "source_paused", "Source paused", $"The source '{id}' is paused: resume it, which checks it at once.");

    public static RequestRefusedException NoRun() =>
        new(404, "run_not_found", "No such run", "There is no run with this id, or this token may not see it; runs end with their retention or with their source.");

    public static RequestRefusedException Forbidden(string detail) => new(403, "forbidden", "Not allowed", detail);

    public static RequestRefusedException BadQuery(string parameter, string problem) =>
        new(400, "invalid_query", "Bad query parameter", $"{parameter} {problem}") { Errors = new Dictionary<string, string[]> { [parameter] = [problem] } };

    // An id from the outside is repeated only when it is short and plain.
    private static string Readable(string id) => Sources.SourceRules.IsSlug(id) ? id : "…";
}
