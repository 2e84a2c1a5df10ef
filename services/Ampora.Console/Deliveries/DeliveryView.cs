using Ampora.Store.Model;

namespace Ampora.Console.Deliveries;

/// <summary>A webhook delivery as the API shows it; its body was never kept.</summary>
internal sealed record DeliveryView
{
    /// <summary>Its id; for those that are counted together, the id of the latest.</summary>
    public required string DeliveryId { get; init; }

    /// <summary>The source that it was for; null when there is none.</summary>
    public required string? SourceId { get; init; }

    /// <summary>When it came; for those that are counted together, when the latest did.</summary>
    public required DateTime ReceivedAt { get; init; }

    /// <summary>When the first of those that are counted together came.</summary>
    public required DateTime FirstAt { get; init; }

    /// <summary>How many alike it stands for: refusals that differ in nothing but their time are counted together.</summary>
    public required long Count { get; init; }

    /// <summary>The kind of sender: <c>token</c>, <c>github</c>, …</summary>
    public required string Provider { get; init; }

    /// <summary>The event's name as the sender gave it.</summary>
    public required string? Event { get; init; }

    /// <summary><c>accepted</c>, <c>ignored</c> or <c>refused</c>.</summary>
    public required string Verdict { get; init; }

    /// <summary>Why it was ignored or refused.</summary>
    public required string? Reason { get; init; }

    /// <summary>The same in words, for a refusal.</summary>
    public required string? Detail { get; init; }

    /// <summary>The sender's address.</summary>
    public required string? RemoteIp { get; init; }

    /// <summary><c>current</c> or <c>previous</c>: which secret verified it.</summary>
    public required string? SignedBy { get; init; }

    /// <summary>The organisation's secret that verified it; null: the source's own.</summary>
    public required string? SecretName { get; init; }

    /// <summary>The sender's own id of the delivery.</summary>
    public required string? SenderDeliveryId { get; init; }

    /// <summary>The earlier delivery that it repeats.</summary>
    public required string? ReplayOf { get; init; }

    /// <summary>The refs that it named.</summary>
    public required string? Refs { get; init; }

    /// <summary>The repository that it named, where no source was found by it.</summary>
    public required string? Repository { get; init; }

    /// <summary><c>pending</c>, <c>unchanged</c>, <c>run</c> or <c>failed</c>; null unless it was accepted.</summary>
    public required string? Result { get; init; }

    /// <summary>The run that it caused.</summary>
    public required string? RunId { get; init; }

    /// <summary>Its place among all deliveries; the cursor.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long Sequence { get; init; }

    public static DeliveryView Of(DeliveryRow row) => new()
    {
        DeliveryId = row.Id,
        SourceId = row.SourceId,
        ReceivedAt = row.ReceivedAt.UtcDateTime,
        FirstAt = row.ReceivedAt.UtcDateTime,
        Count = 1,
        Provider = row.Provider,
        Event = row.Event,
        Verdict = row.Verdict,
        Reason = row.Reason,
        Detail = null,
        RemoteIp = row.RemoteIp,
        SignedBy = row.SignedBy,
        SecretName = row.SecretName,
        SenderDeliveryId = row.SenderDeliveryId,
        ReplayOf = row.ReplayOf,
        Refs = row.Refs,
        Repository = null,
        Result = row.Result,
        RunId = row.RunId,
        Sequence = row.Sequence,
    };

    public static DeliveryView Of(TurnedAwayRow row) => new()
    {
        DeliveryId = row.Id,
        SourceId = row.SourceId,
        ReceivedAt = row.ReceivedAt.UtcDateTime,
        FirstAt = row.FirstAt.UtcDateTime,
        Count = row.Count,
        Provider = row.Provider,
        Event = row.Event,
        Verdict = row.Verdict,
        Reason = row.Reason,
        Detail = row.Detail,
        RemoteIp = row.RemoteIp,
        SignedBy = null,
        SecretName = null,
        SenderDeliveryId = null,
        ReplayOf = null,
        Refs = row.Refs,
        Repository = row.Repository,
        Result = null,
        RunId = null,
        Sequence = row.Sequence,
    };
}
