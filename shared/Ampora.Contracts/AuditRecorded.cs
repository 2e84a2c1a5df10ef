namespace Ampora.Contracts;

/// <summary>
/// Somebody did something, or was turned away. Published through the outbox by Ingress and Console; consumed by Audit, which records
/// it once for each message id: a duplicate is acknowledged again and changes nothing.
/// </summary>
public sealed record AuditRecorded
{
    /// <summary>When it happened (for a group: when its last one did), UTC.</summary>
    public required DateTimeOffset OccurredAt { get; init; }

    /// <summary>Who did it: <c>token:NAME</c>, <c>user:NAME</c>, <c>address:IP</c> or <c>system</c>.</summary>
    public required string Actor { get; init; }

    /// <summary>What was done, as <c>noun.verb</c>: <c>source.created</c>, <c>webhook.refused</c>, …</summary>
    public required string Action { get; init; }

    /// <summary>What it was done to: <c>source:ID</c>, <c>token:NAME</c>, …</summary>
    public required string Subject { get; init; }

    /// <summary>The address it came from, where there is one.</summary>
    public string? RemoteIp { get; init; }

    /// <summary>How many equal events this stands for; 1 unless they were grouped.</summary>
    public long Count { get; init; } = 1;

    /// <summary>Particulars by name; never a secret.</summary>
    public IReadOnlyDictionary<string, string> Detail { get; init; } = new Dictionary<string, string>();
}
