using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>One wake-up row of the model, and the ledger and runs that hang on it.</summary>
public sealed class ModelSource
{
    public required string Id { get; init; }

    public required Guid Uid { get; init; }

    public required string Host { get; set; }

    public required TimeSpan PollInterval { get; set; }

    public required TimeSpan BasePollInterval { get; set; }

    public bool Adaptive { get; set; }

    public bool HasSecret { get; set; }

    public required string Url { get; set; }

    public string Ref { get; set; } = "main";

    public long Wanted { get; set; }

    public long Done { get; set; }

    public long WantedWebhook { get; set; }

    public long WantedManual { get; set; }

    public DateTimeOffset? AskedAt { get; set; }

    public DateTimeOffset? AskedSinceClaimAt { get; set; }

    public string? LeaseOwner { get; set; }

    public DateTimeOffset? LeaseUntil { get; set; }

    public DateTimeOffset? SlowUntil { get; set; }

    public long Fence { get; set; }

    public long Config { get; set; } = 1;

    public long SecretVersion { get; set; } = 1;

    public bool Paused { get; set; }

    public bool WaitingForHost { get; set; }

    public DateTimeOffset? NotBefore { get; set; }

    public DateTimeOffset? NotBeforeSetAt { get; set; }

    public DateTimeOffset? RetryAfterUntil { get; set; }

    public DateTimeOffset NextPollAt { get; set; }

    public DateTimeOffset? WokenAt { get; set; }

    public string? TipSha { get; set; }

    public string? TipRef { get; set; }

    public long? TipConfig { get; set; }

    public string? MovedTo { get; set; }

    public (string Sha, string? PreviousSha)? Skipped { get; set; }

    public long SkippedTotal { get; set; }

    public DateTimeOffset? LastCheckedAt { get; set; }

    public int Failures { get; set; }

    public string? FailureRunId { get; set; }

    public string? ExpectedSha { get; set; }

    public DateTimeOffset? ExpectedUntil { get; set; }

    public long? RereadCovers { get; set; }

    public DateTimeOffset? RereadAt { get; set; }

    public DateTimeOffset? WebhookProvedAt { get; set; }

    public DateTimeOffset? LastWebhookAt { get; set; }

    public DateTimeOffset? UsedAt { get; set; }

    public DateTimeOffset? PreviousUsedAt { get; set; }

    public int MissedInRow { get; set; }

    public long MissedTotal { get; set; }

    public List<(string Sha, DateTimeOffset FoundAt)> Unannounced { get; private set; } = [];

    public List<ModelDelivery> Deliveries { get; private set; } = [];

    public List<ModelRequest> Requests { get; private set; } = [];

    public List<(long Config, string Sha)> Sweeps { get; private set; } = [];

    public HashSet<(long Config, string Sha)> Snapshots { get; private set; } = [];

    public List<Run> Runs { get; private set; } = [];

    /// <summary>A copy that goes its own way.</summary>
    public ModelSource Clone()
    {
        var clone = (ModelSource)MemberwiseClone();
        clone.Unannounced = [.. Unannounced];
        clone.Deliveries = [.. Deliveries.Select(d => d.Clone())];
        clone.Requests = [.. Requests.Select(r => r.Clone())];
        clone.Sweeps = [.. Sweeps];
        clone.Snapshots = [.. Snapshots];
        clone.Runs = [.. Runs];
        return clone;
    }
}

/// <summary>A delivery in the model's ledger.</summary>
public sealed class ModelDelivery
{
    public required Delivery Delivery { get; init; }

    public required string Verdict { get; init; }

    public string? ReplayOf { get; init; }

    public string? Reason { get; init; }

    public long? Ask { get; init; }

    public string? Result { get; set; }

    public string? RunId { get; set; }

    public ModelDelivery Clone() => (ModelDelivery)MemberwiseClone();
}

/// <summary>An operator's request in the model's ledger.</summary>
public sealed class ModelRequest
{
    public required string Id { get; init; }

    public required string Actor { get; init; }

    public string? DeliveryId { get; init; }

    public required long Ask { get; init; }

    public string? RunId { get; set; }

    public ModelRequest Clone() => (ModelRequest)MemberwiseClone();
}

/// <summary>An outbox message of the model.</summary>
public sealed class ModelMessage
{
    public required OutboxMessage Message { get; init; }

    public int Attempts { get; set; }

    public DateTimeOffset NextAttemptAt { get; set; }

    public ModelMessage Clone() => (ModelMessage)MemberwiseClone();
}
