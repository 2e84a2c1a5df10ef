namespace Ampora.Store.Model;

/// <summary>A message that reports something committed, until its effect is acknowledged.</summary>
public sealed class OutboxRow
{
    /// <summary>The message id.</summary>
    public required Guid Id { get; set; }

    /// <summary>The message type's name in Ampora.Contracts.</summary>
    public required string Type { get; set; }

    /// <summary>The message as JSON.</summary>
    public required string Payload { get; set; }

    /// <summary>When it was committed.</summary>
    public required DateTimeOffset CreatedAt { get; set; }

    /// <summary>How often the relay has published it.</summary>
    public required int Attempts { get; set; }

    /// <summary>When the relay publishes it next.</summary>
    public required DateTimeOffset NextAttemptAt { get; set; }
}

/// <summary>A message that Audit has recorded, kept for a time in case that the audit log is restored from a backup that lacks it.</summary>
public sealed class RecordedRow
{
    /// <summary>The message id.</summary>
    public required Guid Id { get; set; }

    /// <summary>The number of its entry.</summary>
    public required long AuditId { get; set; }

    /// <summary>The message type's name in Ampora.Contracts.</summary>
    public required string Type { get; set; }

    /// <summary>The message as JSON.</summary>
    public required string Payload { get; set; }

    /// <summary>When it was committed.</summary>
    public required DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it was acknowledged.</summary>
    public required DateTimeOffset RecordedAt { get; set; }
}

/// <summary>Which copy of the database this was when a scheduler last looked; one row.</summary>
public sealed class StoreMark
{
    /// <summary>Always 1.</summary>
    public required int Id { get; set; }

    /// <summary>What tells copies apart; null before the first look.</summary>
    public string? Mark { get; set; }
}

/// <summary>A counter whose row lock is held until the commit, so that numbers become visible in their order.</summary>
public sealed class SequenceRow
{
    /// <summary><c>events</c> or <c>deliveries</c>.</summary>
    public required string Name { get; set; }

    /// <summary>The last number given.</summary>
    public required long Value { get; set; }
}

/// <summary>The budget for polls that all schedulers share; one row.</summary>
public sealed class PollBudget
{
    /// <summary>Always 1.</summary>
    public required int Id { get; set; }

    /// <summary>Polls that may be asked for now.</summary>
    public required double Tokens { get; set; }

    /// <summary>When <see cref="Tokens"/> was computed.</summary>
    public required DateTimeOffset ComputedAt { get; set; }
}

/// <summary>An API token; its value is never kept.</summary>
public sealed class ApiToken
{
    /// <summary>Its id: <c>tok_</c> and 32 hexadecimal digits.</summary>
    public required string Id { get; set; }

    /// <summary>Its name, unique; the actor in the audit log is <c>token:NAME</c>.</summary>
    public required string Name { get; set; }

    /// <summary>SHA-256 of the token.</summary>
    public required byte[] Hash { get; set; }

    /// <summary><c>viewer</c>, <c>operator</c> or <c>admin</c>.</summary>
    public required string Role { get; set; }

    /// <summary>The sources that it is limited to, as a JSON array of slugs; null: all.</summary>
    public string? SourcesJson { get; set; }

    /// <summary>The labels that it is limited to, as a JSON object; null: all.</summary>
    public string? LabelsJson { get; set; }

    /// <summary>When it was made, UTC.</summary>
    public required DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it ends, UTC; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>When it was last used, UTC, to the minute.</summary>
    public DateTimeOffset? LastUsedAt { get; set; }
}

/// <summary>A running process of a service, so that one that ended without a word is noticed.</summary>
public sealed class ServiceInstance
{
    /// <summary>Its id, new at each start.</summary>
    public required string Id { get; set; }

    /// <summary>Which service.</summary>
    public required string Service { get; set; }

    /// <summary>When it started, UTC.</summary>
    public required DateTimeOffset StartedAt { get; set; }

    /// <summary>When it last said that it lives, by the database's clock.</summary>
    public required DateTimeOffset SeenAt { get; set; }
}
