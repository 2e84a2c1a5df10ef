using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>What the body of a webhook at a source's own address says, if it says anything that Ampora understands.</summary>
public static class DeliveryMeaning
{
    /// <returns>
    /// Null for a body that says nothing: its sender is authenticated, so it is a reason to look again like any other, be it curl with a few lines, a relay that
    /// wraps the payload, or nothing at all.
    /// </returns>
    /// <param name="head">The webhook's head.</param>
    /// <param name="body">Its body.</param>
    public static DeliveryContent? Of(WebhookHead head, WebhookBody body)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(body);
        if (!head.IsReadable || !body.TryGetJson(out var json))
            return null;
        var sender = Senders.Recognise(head.Headers) ?? Senders.RecogniseBody(json);
        if (sender is null or Senders.AwsSns or Senders.StandardWebhooks)
            return null;
        try
        {
            return PayloadReader.Read(sender, head.Headers, json);
        }
        catch (PayloadException)
        {
            return null;
        }
    }
}
