using System.Diagnostics;
using System.Net;
using Ampora.Hosting.Telemetry;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;

namespace Ampora.Ingress.Webhooks;

/// <summary>What is known of a webhook from its head: when it came, from where, from which kind of sender, and with which credentials.</summary>
internal sealed class Receipt
{
    private const string QueryToken = "token";

    private Receipt(HttpContext context, DateTimeOffset receivedAt)
    {
        Head = WebhookHead.Of(context.Request.Headers, context.Request.Query[QueryToken]);
        ReceivedAt = receivedAt;
        DeliveryId = $"dlv_{Guid.CreateVersion7(receivedAt):n}";
        Address = AddressOf(context.Connection);
    }

    public DateTimeOffset ReceivedAt { get; }

    public string DeliveryId { get; }

    public string? Address { get; }

    /// <summary>What the judgement goes by, besides the body.</summary>
    public WebhookHead Head { get; }

    public PresentedCredentials Presented => Head.Presented;

    /// <summary>The kind of sender that it looks like; one of a few.</summary>
    public string Sender => Head.Sender;

    public string? Event => Head.Event;

    public string? ContentType => Head.ContentType;

    /// <summary>Whether the body is compressed.</summary>
    public bool IsEncoded => Head.IsEncoded;

    /// <summary>Whether the body can say something.</summary>
    public bool IsReadable => Head.IsReadable;

    public static Receipt Of(HttpContext context, TimeProvider time) => new(context, time.GetUtcNow());

    /// <summary>What the ledger of a source keeps of it.</summary>
    public Delivery ToDelivery(WebhookMethod method, string signedBy, DeliveryContent? content, Relevance relevance, string? secretName) => new(
        DeliveryId,
        ReceivedAt,
        method.Name,
        content?.Event ?? Event,
        Address,
        signedBy,
        relevance.Reason,
        content?.SenderDeliveryId ?? PayloadReader.SenderDeliveryId(Head.Headers),
        relevance.AnnouncedSha,
        secretName,
        content?.RefsText);

    /// <summary>Counts what became of it.</summary>
    /// <param name="provider">What it was verified by; for one that was not, what it looks like.</param>
    /// <param name="verdict">The verdict.</param>
    public void Count(string provider, string verdict)
    {
        AmporaMetrics.WebhookDeliveries.Add(1, new KeyValuePair<string, object?>("provider", provider), new KeyValuePair<string, object?>("verdict", verdict));
        if (verdict != "refused")
            Activity.Current?.SetTag("ampora.delivery_id", DeliveryId);
    }

    private static string? AddressOf(ConnectionInfo connection) => connection.RemoteIpAddress switch
    {
        null => null,
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
        IPAddress address => address.ToString(),
    };
}
