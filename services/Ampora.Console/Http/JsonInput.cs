using System.Text.Json;
using System.Text.Unicode;

namespace Ampora.Console.Http;

/// <summary>Reads the JSON object of a request, within limits.</summary>
internal static class JsonInput
{
    // The largest object that is kept is a source with 64 labels: well under 100 KiB.
    private const int MaxBodyBytes = 1024 * 1024;

    // The deepest is three; deeper input is only made to hurt.
    private const int MaxDepth = 32;

    /// <summary>Reads the body; the caller disposes the document.</summary>
    /// <param name="request">The request.</param>
    /// <param name="optional">Whether no body at all means an empty object.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task<JsonDocument> ReadAsync(HttpRequest request, bool optional, CancellationToken cancellationToken) =>
        ReadAsync(request, optional, MaxBodyBytes, cancellationToken);

    /// <summary>Reads a body that may be larger than what is kept; the caller disposes the document.</summary>
    /// <param name="request">The request.</param>
    /// <param name="optional">Whether no body at all means an empty object.</param>
    /// <param name="maxBytes">The largest body.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<JsonDocument> ReadAsync(HttpRequest request, bool optional, int maxBytes, CancellationToken cancellationToken)
    {
        var body = await ReadBodyAsync(request, maxBytes, cancellationToken);
        if (body.Length == 0 && optional)
            return JsonDocument.Parse("{}");
        if (!request.HasJsonContentType())
            throw new RequestRefusedException(415, "unsupported_media_type", "Not JSON", "Send the body as JSON, with the header Content-Type: application/json.");
        if (!Utf8.IsValid(body.Span))
            throw Invalid("it is not UTF-8 text");

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            // The exception's own text may quote the body, which may hold a secret: only its place is told.
            var place = e.LineNumber is null ? "a member appears twice or a name is not valid text" : $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
            throw Invalid($"{place} (no comments, no trailing commas, no member twice, at most {MaxDepth} levels)");
        }
        catch (InvalidOperationException)
        {
            throw Invalid("a name is not valid Unicode text");
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return document;
        document.Dispose();
        throw Invalid("it should be an object, { … }");
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (request.ContentLength > maxBytes)
            throw TooLarge(maxBytes);
        using var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        int count;
        while ((count = await request.Body.ReadAsync(chunk, cancellationToken)) > 0)
        {
            if (buffer.Length + count > maxBytes)
                throw TooLarge(maxBytes);
            buffer.Write(chunk, 0, count);
        }

        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    private static RequestRefusedException TooLarge(int maxBytes) =>
        new(413, "body_too_large", "Body too large", $"The body is larger than {maxBytes / 1024} KiB.");

    private static RequestRefusedException Invalid(string what) => new(400, "invalid_json", "Invalid JSON", $"The body is not valid JSON: {what}.");
}
