using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Ampora.Webhooks;

/// <summary>Reads what Git hosts send.</summary>
public static class PayloadReader
{
    /// <summary>Reads a payload.</summary>
    /// <param name="provider">The sender, one of <see cref="Senders"/>.</param>
    /// <param name="headers">The request's headers, which name the event.</param>
    /// <param name="json">The JSON, from <see cref="WebhookBody.TryGetJson"/>.</param>
    /// <exception cref="PayloadException">It is no JSON object, or nested too deep.</exception>
    public static DeliveryContent Read(string provider, IHeaderDictionary headers, ReadOnlySequence<byte> json) => throw new NotImplementedException();

    /// <summary>The name that the sender gave to what happened.</summary>
    public static string? EventName(IHeaderDictionary headers) => throw new NotImplementedException();

    /// <summary>The id that the sender gave to the delivery, which is the same when it is sent again.</summary>
    public static string? SenderDeliveryId(IHeaderDictionary headers) => throw new NotImplementedException();
}
