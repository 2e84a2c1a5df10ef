using System.Buffers;

namespace Ampora.Webhooks;

/// <summary>A request's body, which may be a form that carries the JSON.</summary>
/// <param name="raw">The bytes as they came.</param>
/// <param name="contentType">The request's content type.</param>
public sealed class WebhookBody(ReadOnlySequence<byte> raw, string? contentType)
{
    /// <summary>No body.</summary>
    public static WebhookBody Empty { get; } = new(ReadOnlySequence<byte>.Empty, null);

    /// <summary>The bytes as they came.</summary>
    public ReadOnlySequence<byte> Raw { get; } = raw;

    /// <summary>Whether it says that it is a form.</summary>
    public bool IsForm { get; } = contentType is not null;

    /// <summary>The JSON: the body itself, or the form's field <c>payload</c>, decoded once.</summary>
    /// <returns>False when the body is empty or the form has no such field, more than one, or one that cannot be decoded.</returns>
    public bool TryGetJson(out ReadOnlySequence<byte> json) => throw new NotImplementedException();
}
