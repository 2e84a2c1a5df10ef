namespace Ampora.Store.Model;

/// <summary>An authenticated webhook delivery. Written by Ingress; the result by the Sweeper. The body is never kept.</summary>
public sealed class DeliveryRow
{
    /// <summary>Our id: <c>dlv_</c> and 32 hexadecimal digits. A delivery that woke several sources has it in a row of each.</summary>
    public required string Id { get; set; }

    /// <summary>The place in commit order over all deliveries; the cursor.</summary>
    public long Sequence { get; set; }

    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>When its head was read, UTC.</summary>
    public required DateTimeOffset ReceivedAt { get; set; }

    /// <summary>What it was authenticated as: <c>token</c>, <c>github</c>, …</summary>
    public required string Provider { get; set; }

    /// <summary>The event's name as the sender gave it.</summary>
    public string? Event { get; set; }

    /// <summary><c>accepted</c> or <c>ignored</c>.</summary>
    public required string Verdict { get; set; }

    /// <summary>Why it was ignored.</summary>
    public string? Reason { get; set; }

    /// <summary>The sender's address.</summary>
    public string? RemoteIp { get; set; }

    /// <summary><c>current</c> or <c>previous</c>.</summary>
    public string? SignedBy { get; set; }

    /// <summary>The delivery that this repeats.</summary>
    public string? ReplayOf { get; set; }

    /// <summary>The number of its request in the source's wake-up row; null when it was ignored.</summary>
    public long? Ask { get; set; }

    /// <summary><c>pending</c>, <c>unchanged</c>, <c>run</c> or <c>failed</c>; null when it was ignored.</summary>
    public string? Result { get; set; }

    /// <summary>The run that it caused, or the failed run that it waits on.</summary>
    public string? RunId { get; set; }

    /// <summary>The sender's id of the delivery, by which a repeat is known.</summary>
    public string? SenderDeliveryId { get; set; }

    /// <summary>The commit that it announced for the tracked ref; null when it named none.</summary>
    public string? AnnouncedSha { get; set; }

    /// <summary>The organisation's secret that verified it; null: the source's own.</summary>
    public string? SecretName { get; set; }

    /// <summary>The refs that it named, for reading.</summary>
    public string? Refs { get; set; }
}

/// <summary>
/// Deliveries that woke nothing and belong in no source's ledger: those that were refused, and authenticated ones that nothing matched. One row for each kind,
/// which counts; the oldest give way, so that a flood of them costs a bounded number of rows. Written by Ingress.
/// </summary>
public sealed class TurnedAwayRow
{
    /// <summary>Our id of the latest: <c>dlv_</c> and 32 hexadecimal digits.</summary>
    public required string Id { get; set; }

    /// <summary>What makes them one kind; the row's natural key.</summary>
    public required string Kind { get; set; }

    /// <summary>The place of the latest among all deliveries.</summary>
    public required long Sequence { get; set; }

    /// <summary>The source that it was meant for; null when there is none.</summary>
    public string? SourceId { get; set; }

    /// <summary>When the first came, UTC.</summary>
    public required DateTimeOffset FirstAt { get; set; }

    /// <summary>When the latest came, UTC.</summary>
    public required DateTimeOffset ReceivedAt { get; set; }

    /// <summary>The kind of sender that it looked like.</summary>
    public required string Provider { get; set; }

    /// <summary>The event's name as the sender gave it.</summary>
    public string? Event { get; set; }

    /// <summary><c>refused</c> or <c>ignored</c>.</summary>
    public required string Verdict { get; set; }

    /// <summary>Why.</summary>
    public required string Reason { get; set; }

    /// <summary>The reason in words, for the operator.</summary>
    public string? Detail { get; set; }

    /// <summary>The sender's address.</summary>
    public string? RemoteIp { get; set; }

    /// <summary>The refs that it named; null unless it was authenticated.</summary>
    public string? Refs { get; set; }

    /// <summary>The repository that it named, for the operator to compare with the source's URL; a sender that was refused may have named any.</summary>
    public string? Repository { get; set; }

    /// <summary>How many came.</summary>
    public required long Count { get; set; }
}

/// <summary>A commit that a poll found, until it is judged whether a webhook had announced it. Written by the Sweeper, taken by the Scheduler.</summary>
public sealed class UnannouncedRow
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>The commit.</summary>
    public required string Sha { get; set; }

    /// <summary>When the poll found it, by the database's clock.</summary>
    public required DateTimeOffset FoundAt { get; set; }

    /// <summary>The run of the poll; null where it made none, because no path changed that the source includes.</summary>
    public string? RunId { get; set; }
}

/// <summary>An operator's request for a check, or a change that makes one. Written by the Console; the run by the Sweeper.</summary>
public sealed class CheckRequest
{
    /// <summary>Our id: <c>req_</c> and 32 hexadecimal digits.</summary>
    public required string Id { get; set; }

    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <summary>Who asked.</summary>
    public required string Actor { get; set; }

    /// <summary>When, UTC.</summary>
    public required DateTimeOffset RequestedAt { get; set; }

    /// <summary>The number of the request in the source's wake-up row.</summary>
    public required long Ask { get; set; }

    /// <summary>The run that it caused.</summary>
    public string? RunId { get; set; }

    /// <summary>The delivery because of which the operator asked again; null: none.</summary>
    public string? DeliveryId { get; set; }
}
