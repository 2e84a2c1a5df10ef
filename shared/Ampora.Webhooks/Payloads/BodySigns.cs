using System.Buffers;
using System.Text.Json;

namespace Ampora.Webhooks.Payloads;

/// <summary>Tells the senders whose headers say nothing, by keys that stand at the top of their payloads.</summary>
internal static class BodySigns
{
    /// <summary>The sender; null when the payload does not tell.</summary>
    public static string? Find(ReadOnlySequence<byte> json)
    {
        var (eventType, publisher, type, update) = (false, false, false, false);
        try
        {
            var payload = new PayloadCursor(json);
            if (!payload.EnterRoot())
                return null;
            while (payload.NextProperty())
            {
                eventType |= payload.Is("eventType"u8);
                publisher |= payload.Is("publisherId"u8);
                type |= payload.Is("type"u8);
                update |= payload.Is("refUpdate"u8);
                if (eventType && publisher)
                    return Senders.AzureDevOps;
                payload.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }

        return type && update ? Senders.Gerrit : null;
    }
}
