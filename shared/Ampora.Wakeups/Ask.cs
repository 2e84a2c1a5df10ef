namespace Ampora.Wakeups;

/// <summary>Who wants a check, weakest first: a run is attributed to the strongest that its check covers.</summary>
public enum AskKind
{
    /// <summary>The source's poll was due.</summary>
    Poll = 0,

    /// <summary>An operator asked, or changed, created or resumed the source.</summary>
    Manual = 1,

    /// <summary>A Git host's webhook was authenticated.</summary>
    Webhook = 2,
}

/// <summary>One request for a check of one source.</summary>
/// <param name="SourceId">The slug of the source.</param>
public abstract record Ask(string SourceId);

/// <summary>An operator's request.</summary>
/// <param name="SourceId">The slug of the source.</param>
/// <param name="RequestId">The request's id, as the operator sees it.</param>
/// <param name="Actor">Who asked.</param>
/// <param name="DeliveryId">The delivery because of which the operator asks again; null: none.</param>
public sealed record ManualAsk(string SourceId, string RequestId, string Actor, string? DeliveryId = null) : Ask(SourceId);

/// <summary>An authenticated webhook. It wakes the source, or is kept as ignored when the source is paused.</summary>
/// <param name="SourceId">The slug of the source.</param>
/// <param name="SecretVersion">
/// The version of the secrets that it was verified against. When the row has another one by now, nothing is written: the caller reads
/// the secrets anew and verifies again, so that a rotation that has returned is never overtaken.
/// </param>
/// <param name="Delivery">What the ledger keeps of it.</param>
public sealed record WebhookAsk(string SourceId, long SecretVersion, Delivery Delivery) : Ask(SourceId);

/// <summary>What the ledger keeps of a webhook; the body is never kept.</summary>
/// <param name="DeliveryId">Our id of the delivery.</param>
/// <param name="ReceivedAt">When its head was read, UTC.</param>
/// <param name="Provider">Which kind of sender it was authenticated as, such as <c>token</c> or <c>github</c>.</param>
/// <param name="Event">The event's name as the sender gave it, cut to 100 characters; null when it gave none.</param>
/// <param name="RemoteIp">The sender's address.</param>
/// <param name="SignedBy"><c>current</c> or <c>previous</c>: which secret verified it.</param>
/// <param name="IgnoredBecause">Null for a delivery that wakes its source; otherwise the reason code for which it does not.</param>
/// <param name="SenderDeliveryId">The sender's id of the delivery; an earlier one with the same is what this repeats.</param>
/// <param name="AnnouncedSha">
/// The commit that it announces for the tracked ref, lower case; null when it names none. It is never trusted: it only says how long a tip that is still the old
/// one is read again.
/// </param>
/// <param name="SecretName">The organisation's secret that verified it; null: the source's own.</param>
/// <param name="Refs">The refs that it names, for the ledger.</param>
public sealed record Delivery(
    string DeliveryId,
    DateTimeOffset ReceivedAt,
    string Provider,
    string? Event,
    string? RemoteIp,
    string SignedBy,
    string? IgnoredBecause = null,
    string? SenderDeliveryId = null,
    string? AnnouncedSha = null,
    string? SecretName = null,
    string? Refs = null);

/// <summary>What became of an <see cref="Ask"/>.</summary>
public enum AskOutcome
{
    /// <summary>Committed: a check that starts from now on covers it.</summary>
    Accepted,

    /// <summary>The source is paused: a webhook was recorded as ignored, anything else was dropped.</summary>
    Paused,

    /// <summary>Recorded as ignored, for the reason that the delivery brought.</summary>
    Ignored,

    /// <summary>The secrets changed since it was verified; nothing was written.</summary>
    StaleSecret,

    /// <summary>There is no such source; nothing was written.</summary>
    NoSource,
}
