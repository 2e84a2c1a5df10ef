using Ampora.Console.Credentials;
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

    /// <summary>What is demanded of the tip; null: nothing.</summary>
    public required VerifyView? Verify { get; init; }

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

/// <summary>What a source demands of its tip.</summary>
/// <param name="AllowedSigners">Who may sign it, in the format ALLOWED SIGNERS of ssh-keygen(1).</param>
internal sealed record VerifyView(string AllowedSigners);

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

    /// <summary>Where the Git host says the repository is now; null: where <c>url</c> says. It is followed there, and better entered as <c>url</c>.</summary>
    public required string? MovedTo { get; init; }

    /// <summary>The last tip that made no run, because no path changed that the source includes.</summary>
    public required SkippedView? LastSkipped { get; init; }

    /// <summary>How many tips made no run for that reason.</summary>
    public required long Skipped { get; init; }

    public required DateTime? LastCheckedAt { get; init; }

    public required DateTime? NextPollAt { get; init; }

    public required int Failures { get; init; }

    public required RunError? Error { get; init; }
}

/// <summary>The tip that the last successful check read.</summary>
/// <param name="Sha">The commit.</param>
/// <param name="Ref">The full name of the ref that it was read at, such as the branch that HEAD points to or the highest of several tags; null before the first success.</param>
/// <param name="Subject">The first line of its message.</param>
/// <param name="Author">Its author.</param>
/// <param name="CommittedAt">The committer's time.</param>
/// <param name="SeenAt">When it was first seen.</param>
internal sealed record TipView(string Sha, string? Ref, string? Subject, string? Author, DateTime? CommittedAt, DateTime? SeenAt);

/// <summary>A tip that made no run.</summary>
/// <param name="PreviousSha">The tip before it.</param>
/// <param name="Sha">The commit.</param>
/// <param name="At">When it was seen.</param>
internal sealed record SkippedView(string? PreviousSha, string Sha, DateTime At);
