using Ampora.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Ampora.Store.Webhooks;

/// <summary>
/// What is known of a webhook from its head: from which kind of sender, and with which credentials. Ingress judges by it and by the body, and the Console explains by
/// the same, so that the two cannot part.
/// </summary>
public sealed class WebhookHead
{
    private WebhookHead(IHeaderDictionary headers, StringValues queryToken)
    {
        Headers = headers;
        // For senders that can set no header. The gateway moves it to the header; ingress reads it itself where no gateway is in front.
        Presented = PresentedCredentials.Of(headers, queryToken);
        Sender = Senders.Label(headers);
        Event = PayloadReader.EventName(headers);
    }

    /// <summary>The headers.</summary>
    public IHeaderDictionary Headers { get; }

    /// <summary>What it brought to prove who sent it.</summary>
    public PresentedCredentials Presented { get; }

    /// <summary>The kind of sender that it looks like; one of a few.</summary>
    public string Sender { get; }

    /// <summary>The event as the sender names it.</summary>
    public string? Event { get; }

    /// <summary>What the body says that it is.</summary>
    public string? ContentType => Headers.ContentType;

    /// <summary>Whether the body is compressed, which no Git host does and which would let a small body become a large one.</summary>
    public bool IsEncoded => Headers.ContentEncoding.Any(v => v is { Length: > 0 } && !v.Trim().Equals("identity", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether the body can say something: it says that it is JSON or a form, or does not say what it is.</summary>
    public bool IsReadable => !IsEncoded && IsReadableType(ContentType);

    /// <summary>Takes the head of a webhook.</summary>
    /// <param name="headers">Its headers.</param>
    /// <param name="queryToken">The values of <c>?token=</c>.</param>
    public static WebhookHead Of(IHeaderDictionary headers, StringValues queryToken) => new(headers, queryToken);

    // Nothing said, JSON of any kind, a form, or text, which some senders say of JSON.
    private static bool IsReadableType(string? contentType)
    {
        if (string.IsNullOrWhiteSpace(contentType))
            return true;
        if (!MediaTypeHeaderValue.TryParse(contentType, out var type))
            return false;
        return type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("text/plain", StringComparison.OrdinalIgnoreCase)
            || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase);
    }
}
