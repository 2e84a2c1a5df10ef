using Ampora.Webhooks;

namespace Ampora.Ingress.Webhooks;

/// <summary>What the body of a webhook at a source's own address says, if it says anything that Ampora understands.</summary>
internal static class Meaning
{
    /// <returns>
    /// Null for a body that says nothing: the caller has authenticated its sender, so it is a reason to look again like any other, be it curl
    /// with a few lines, a relay that wraps the payload, or nothing at all.
    /// </returns>
    public static DeliveryContent? Of(Receipt receipt, WebhookBody body)
    {
        if (!receipt.IsReadable || !body.TryGetJson(out var json))
            return null;
        var sender = Senders.Recognise(receipt.Headers) ?? Senders.RecogniseBody(json);
        if (sender is null)
            return null;
        try
        {
            return PayloadReader.Read(sender, receipt.Headers, json);
        }
        catch (PayloadException)
        {
            return null;
        }
    }
}
