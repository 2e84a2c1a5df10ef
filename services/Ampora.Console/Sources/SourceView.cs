using Ampora.Console.Http;
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

/// <summary>A source's webhook, without its secret.</summary>
/// <param name="Auth">How deliveries are authenticated.</param>
/// <param name="Url">Where the Git host sends them.</param>
/// <param name="HasSecret">Whether a token was generated; without one every delivery is refused.</param>
/// <param name="CreatedAt">When the current token was generated.</param>
/// <param name="PreviousValidUntil">Until when the previous token is accepted too.</param>
internal sealed record WebhookView(string Auth, string Url, bool HasSecret, DateTime? CreatedAt, DateTime? PreviousValidUntil);

/// <summary>How a source fares.</summary>
internal sealed record SourceState
{
    /// <summary><c>healthy</c>, <c>degraded</c> (the last one or two checks failed), <c>failing</c> (three or more) or <c>unknown</c> (never checked).</summary>
    public required string Health { get; init; }

    /// <summary><c>idle</c>, <c>checking</c> or <c>backingOff</c>.</summary>
    public required string Phase { get; init; }

    /// <summary><c>healthy</c>, or <c>unknown</c> before the first delivery.</summary>
    public required string WebhookHealth { get; init; }

    public required TipView? Tip { get; init; }

    public required DateTime? LastCheckedAt { get; init; }

    public required DateTime? NextPollAt { get; init; }

    public required int Failures { get; init; }

    public required RunError? Error { get; init; }
}

/// <summary>The tip that the last successful check read.</summary>
internal sealed record TipView(string Sha, string? Subject, string? Author, DateTime? CommittedAt, DateTime? SeenAt);
