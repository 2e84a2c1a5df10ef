using System.Text.Json.Serialization;

namespace Ampora.Ingress.Webhooks;

/// <summary>What a sender is told whose webhook is committed.</summary>
/// <param name="DeliveryId">The delivery's id in the source's ledger.</param>
/// <param name="Verdict"><c>accepted</c> or <c>ignored</c>.</param>
/// <param name="Reason">Why it was ignored; absent when it was not.</param>
internal sealed record WebhookAnswer(
    string DeliveryId,
    string Verdict,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Reason);
