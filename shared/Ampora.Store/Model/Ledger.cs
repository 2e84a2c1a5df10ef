namespace Ampora.Store.Model;

/// <summary>An authenticated webhook delivery. Written by Ingress; the result by the Sweeper. The body is never kept.</summary>
public sealed class DeliveryRow
{
    /// <summary>Our id: <c>dlv_</c> and 32 hexadecimal digits.</summary>
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
}
