using System.Diagnostics;
using System.Net;
using Ampora.Hosting.Telemetry;
using Ampora.Wakeups;
using Ampora.Webhooks;

namespace Ampora.Ingress.Webhooks;

/// <summary>What is known of a webhook from its head: when it came, from where, from which kind of sender, and with which credentials.</summary>
internal sealed class Receipt
{
    private const string QueryToken = "token";

    private readonly HttpRequest _request;

    private Receipt(HttpContext context, DateTimeOffset receivedAt)
    {
        _request = context.Request;
        ReceivedAt = receivedAt;
        DeliveryId = $"dlv_{Guid.CreateVersion7(receivedAt):n}";
        Address = AddressOf(context.Connection);
        // For senders that can set no header. The gateway moves it to the header; ingress reads it itself where no gateway is in front.
        Presented = PresentedCredentials.Of(Headers, _request.Query[QueryToken]);
        Sender = Senders.Label(Headers);
        Event = PayloadReader.EventName(Headers);
    }

    public DateTimeOffset ReceivedAt { get; }

    public string DeliveryId { get; }

    public string? Address { get; }

    public PresentedCredentials Presented { get; }

    /// <summary>The kind of sender that it looks like; one of a few.</summary>
    public string Sender { get; }

    public string? Event { get; }

    public IHeaderDictionary Headers => _request.Headers;

    public string? ContentType => _request.ContentType;

    /// <summary>Whether the body is compressed, which no Git host does and which would let a small body become a large one.</summary>
    public bool IsEncoded => _request.Headers.ContentEncoding.Any(v => v is { Length: > 0 } && !v.Trim().Equals("identity", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether the body can say something: it says that it is JSON or a form, or does not say what it is.</summary>
    public bool IsReadable => !IsEncoded && ContentTypes.IsReadable(ContentType);

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
        content?.SenderDeliveryId ?? PayloadReader.SenderDeliveryId(Headers),
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
