using Ampora.Console.Http;
using Ampora.Console.Webhooks;
using Ampora.Contracts;

namespace Ampora.Console.Sources;

/// <summary>A source as the API shows it; never a secret.</summary>
internal sealed record SourceView
{
    public required string Id { get; init; }

    public required string Url { get; init; }

    public required string Ref { get; init; }

    public required string? Description { get; init; }

    public required string? Owner { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    public required IReadOnlyList<string> Include { get; init; }

    public required IReadOnlyList<string> Exclude { get; init; }

    public required int PollIntervalSeconds { get; init; }

    public required string Polling { get; init; }

    public required bool Paused { get; init; }

    public required string? PauseReason { get; init; }

    public required CredentialView? Credential { get; init; }

    public required WebhookView Webhook { get; init; }

    public required DateTime CreatedAt { get; init; }

    public required DateTime UpdatedAt { get; init; }

    public required SourceState State { get; init; }

    /// <summary>What the source's ETag is made of.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long Version { get; init; }

    /// <summary>The same source with its webhook's URL as this request's client reaches it.</summary>
    public SourceView For(HttpRequest request, PublicAddress address) => this with { Webhook = Webhook with { Url = address.OfWebhook(request, Id) } };
}

/// <summary>A Git credential, of which nothing secret is shown.</summary>
/// <param name="Type"><c>basic</c> or <c>bearer</c>.</param>
/// <param name="Authority">The scheme, host and port that it is sent to, and nowhere else.</param>
/// <param name="UpdatedAt">When it was given.</param>
internal sealed record CredentialView(string Type, string Authority, DateTime UpdatedAt);

/// <summary>How a source fares.</summary>
internal sealed record SourceState
{
    /// <summary><c>healthy</c>, <c>degraded</c> (the last one or two checks failed), <c>failing</c> (three or more) or <c>unknown</c> (never checked).</summary>
    public required string Health { get; init; }

    /// <summary><c>idle</c>, <c>checking</c> or <c>backingOff</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>
    /// <c>healthy</c>, <c>degraded</c> (no webhook announced the last one or two commits that polls found), <c>failing</c> (three or more) or <c>unknown</c> (no
    /// webhook ever came, and none was missed).
    /// </summary>
    public required string WebhookHealth { get; init; }

    /// <summary>How many commits polls found that no webhook had announced.</summary>
    public required long MissedWebhooks { get; init; }

    /// <summary>When a webhook last woke the source.</summary>
    public required DateTime? LastWebhookAt { get; init; }

    /// <summary>Seconds between polls as they are now; with <c>polling: "adaptive"</c> more than what is set while webhooks prove live.</summary>
    public required int PollIntervalSeconds { get; init; }

    public required TipView? Tip { get; init; }

    public required DateTime? LastCheckedAt { get; init; }

    public required DateTime? NextPollAt { get; init; }

    public required int Failures { get; init; }

    public required RunError? Error { get; init; }
}

/// <summary>The tip that the last successful check read.</summary>
internal sealed record TipView(string Sha, string? Subject, string? Author, DateTime? CommittedAt, DateTime? SeenAt);
