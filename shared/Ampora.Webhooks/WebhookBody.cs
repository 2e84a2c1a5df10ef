using System.Buffers;
using Ampora.Webhooks.Payloads;
using Microsoft.Net.Http.Headers;

namespace Ampora.Webhooks;

/// <summary>A request's body, which may be a form that carries the JSON. It belongs to one request and is not safe for two threads.</summary>
public sealed class WebhookBody
{
    private const string Form = "application/x-www-form-urlencoded";

    private ReadOnlySequence<byte>? _json;
    private bool _isDecoded;

    /// <summary>Takes a body.</summary>
    /// <param name="raw">The bytes as they came; they are not copied.</param>
    /// <param name="contentType">The request's content type.</param>
    public WebhookBody(ReadOnlySequence<byte> raw, string? contentType)
    {
        Raw = raw;
        IsForm = MediaTypeHeaderValue.TryParse(contentType, out var type) && type.MediaType.Equals(Form, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>No body.</summary>
    public static WebhookBody Empty => new(ReadOnlySequence<byte>.Empty, null);

    /// <summary>The bytes as they came.</summary>
    public ReadOnlySequence<byte> Raw { get; }

    /// <summary>Whether it says that it is a form.</summary>
    public bool IsForm { get; }

    /// <summary>The JSON: the body itself, or the form's field <c>payload</c>, decoded once. Whether it is JSON at all is not looked at.</summary>
    /// <returns>False when the body is empty or the form has no such field, more than one, or one that cannot be decoded.</returns>
    public bool TryGetJson(out ReadOnlySequence<byte> json)
    {
        if (!_isDecoded)
        {
            _json = IsForm ? FormPayload.Find(Raw) : Raw.IsEmpty ? null : Raw;
            _isDecoded = true;
        }

        json = _json ?? ReadOnlySequence<byte>.Empty;
        return _json is not null;
    }
}
