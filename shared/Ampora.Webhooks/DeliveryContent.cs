namespace Ampora.Webhooks;

/// <summary>What a payload says. It is only a reason to look again: nothing of it is ever fetched, run or trusted.</summary>
public sealed record DeliveryContent
{
    /// <summary>The sender, one of <see cref="Senders"/>.</summary>
    public required string Provider { get; init; }

    /// <summary>The event as the sender names it.</summary>
    public string? Event { get; init; }

    /// <summary>What the event means.</summary>
    public required EventKind Kind { get; init; }

    /// <summary>Every URL that names the repository, as it came.</summary>
    public IReadOnlyList<string> RepositoryUrls { get; init; } = [];

    /// <summary>The repository's name, such as <c>acme/fleet</c>.</summary>
    public string? RepositoryName { get; init; }

    /// <summary>The branch that <c>HEAD</c> stands for, by its short name.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>Every ref that moved.</summary>
    public IReadOnlyList<RefChange> Refs { get; init; } = [];

    /// <summary>Whether refs moved that are not listed: too many, or such as cannot be read.</summary>
    public bool RefsTruncated { get; init; }

    /// <summary>The sender's id of the delivery, the same when it is sent again.</summary>
    public string? SenderDeliveryId { get; init; }

    /// <summary>The refs on one line, for the ledger.</summary>
    public string? RefsText { get; init; }
}
