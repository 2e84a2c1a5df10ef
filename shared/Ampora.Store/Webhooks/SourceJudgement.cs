using System.Buffers;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>Whether a webhook at a source's own address is verified, and by what. Ingress acts on it, and the Console explains it.</summary>
public sealed record SourceJudgement
{
    private const int MaxSlugLength = 63;

    private static readonly SearchValues<char> SlugCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private SourceJudgement()
    {
    }

    /// <summary>The secret that verified it; null when none did.</summary>
    public WebhookSecret? Secret { get; private init; }

    /// <summary><c>current</c> or <c>previous</c>.</summary>
    public string SignedBy { get; private init; } = "";

    /// <summary>Why it is refused; null when it is not.</summary>
    public string? Reason { get; private init; }

    /// <summary>The same in words for the operator; nothing secret, and nothing of what was presented.</summary>
    public string? Detail { get; private init; }

    /// <summary>Judges a webhook.</summary>
    /// <param name="webhook">What the database has of the source; null for a source that does not exist, for which as much is computed.</param>
    /// <param name="sourceId">The source as the path names it; it may be anything.</param>
    /// <param name="head">The webhook's head.</param>
    /// <param name="body">Its body; <see cref="WebhookBody.Empty"/> where its credentials need none.</param>
    /// <param name="now">When it came.</param>
    public static SourceJudgement Of(SourceWebhook? webhook, string sourceId, WebhookHead head, WebhookBody body, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(head);
        List<WebhookSecret> expected = [];
        if (webhook?.Current is { } current)
            expected.Add(current);
        if (webhook?.Previous is { } previous)
            expected.Add(previous);
        var verification = WebhookVerification.Verify(head.Presented, body, expected, now);
        if (webhook is null)
            return Unknown(sourceId);
        if (expected.Count == 0)
            return Refused(RefusalReasons.SecretNotSet, "The source has no webhook secret: generate one.");
        if (verification.Secret is not { } place)
            return Refused(verification.Reason!, verification.Detail);
        var isCurrent = ReferenceEquals(expected[place], webhook.Current);
        return isCurrent || webhook.PreviousIsValid
            ? new SourceJudgement { Secret = expected[place], SignedBy = isCurrent ? "current" : "previous" }
            : Refused(RefusalReasons.SecretRotated, "It was verified by the secret from before the last rotation, whose time is over: enter the new one at the Git host.");
    }

    /// <summary>A webhook for a source that does not exist. A sender chooses its id: only what could be one is repeated.</summary>
    public static SourceJudgement Unknown(string sourceId) =>
        Refused(RefusalReasons.SourceUnknown, IsSlug(sourceId) ? $"There is no source {sourceId}." : "The address names no source.");

    /// <summary>Whether a text can be a source's id, <c>[a-z0-9-]{1,63}</c>; nothing else is looked for, or repeated.</summary>
    public static bool IsSlug(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return id.Length is > 0 and <= MaxSlugLength && !id.AsSpan().ContainsAnyExcept(SlugCharacters);
    }

    private static SourceJudgement Refused(string reason, string? detail) => new() { Reason = reason, Detail = detail };
}
