using Ampora.Store.Secrets;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>For whom a webhook at the shared endpoint speaks, or why nobody verified it. Ingress acts on it, and the Console explains it.</summary>
public sealed record SharedJudgement
{
    private SharedJudgement()
    {
    }

    /// <summary>For whom it speaks; null when nothing verified it.</summary>
    public SpokenFor? SpokenFor { get; private init; }

    /// <summary>The source whose own secret it was measured by, where there is only one: its operator finds the refusal with it.</summary>
    public string? SourceId { get; private init; }

    /// <summary>Why it is refused; null when it is not, or when that is not known.</summary>
    public string? Reason { get; private init; }

    /// <summary>The same in words for the operator; nothing secret, and nothing of what was presented.</summary>
    public string? Detail { get; private init; }

    /// <summary>A secret that may verify it and that could not be read: then nothing is known.</summary>
    public SecretUnreadableException? Unreadable { get; private init; }

    /// <summary>A delivery without any credentials: what is missing, as it is for this sender's own method. The body decides nothing.</summary>
    public static SharedJudgement Unproven(WebhookHead head, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(head);
        if (Senders.Recognise(head.Headers) is not { } sender)
            return Unusable(RefusalReasons.ProviderUnknown);
        if (WebhookMethod.Find(sender) is not { } method)
            return Unusable(RefusalReasons.ProviderNotSupported);
        var nobodys = WebhookSecret.Of(method, method == WebhookMethod.StandardWebhooks ? SigningKey.Generate() : AccessToken.Generate(), null);
        var verification = WebhookVerification.Verify(head.Presented, WebhookBody.Empty, [nobodys], now);
        return Refused(null, verification.Reason!, verification.Detail);
    }

    /// <summary>A delivery that nobody can verify, because of what it is.</summary>
    /// <param name="reason">One of <see cref="RefusalReasons"/>, from <see cref="SharedPayload.Reason"/>.</param>
    public static SharedJudgement Unusable(string reason) => Refused(
        null,
        reason,
        reason == RefusalReasons.ProviderUnknown
            ? "Neither the headers nor the body tell which Git host sent it: use the source's own address, with its token."
            : "This sender signs nothing that Ampora can verify: use the source's own address, with its token.");

    /// <summary>Judges a delivery.</summary>
    /// <param name="candidates">Whom it may be for, and what may verify it.</param>
    /// <param name="payload">What it says.</param>
    /// <param name="head">Its head.</param>
    /// <param name="body">Its body.</param>
    /// <param name="now">When it came.</param>
    public static SharedJudgement Of(SharedCandidates candidates, SharedPayload payload, WebhookHead head, WebhookBody body, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(payload);
        ArgumentNullException.ThrowIfNull(head);
        var match = SharedMatch.Of(candidates);
        var verification = WebhookVerification.Verify(head.Presented, body, match.Secrets, now);
        if (verification.Secret is { } place && match.Verified(place) is { } spoken)
            return new SharedJudgement { SpokenFor = spoken };
        if (candidates.Unreadable is { } unreadable)
            return new SharedJudgement { Unreadable = unreadable };

        var only = candidates is { Sources: [var one], Secrets: [] } ? one.SourceId : null;
        if (verification.Secret is not null)
            return Refused(only, RefusalReasons.SecretRotated, "It was verified by a secret from before its last rotation, whose time is over: enter the new one at the Git host.");
        if (match.Secrets.Count > 0)
            return Refused(only, verification.Reason!, Mismatch(verification.Detail, match));
        return Refused(
            only, candidates.Sources.Count == 0 ? RefusalReasons.RepositoryUnknown : RefusalReasons.SecretNotSet, NobodyToVerify(payload, candidates.Sources.Count));
    }

    private static SharedJudgement Refused(string? sourceId, string reason, string? detail) => new() { SourceId = sourceId, Reason = reason, Detail = detail };

    private static string NobodyToVerify(SharedPayload payload, int sources) => (payload.RepositoryText, sources) switch
    {
        (null, _) => $"The payload names no repository, and there is no organisation's secret for {payload.Content!.Provider}.",
        ({ } repository, 0) => $"No source is on {repository}, and no organisation's secret for {payload.Content!.Provider} covers it.",
        ({ } repository, _) => $"The sources on {repository} have no webhook secret, and no organisation's secret for {payload.Content!.Provider} covers it.",
    };

    private static string? Mismatch(string? detail, SharedMatch match) => match.MoreSecrets
        ? $"{detail} Only {WebhookVerification.MaxDistinctSecrets} distinct secrets are tried, and the sources on this repository have more: give them an organisation's secret."
        : detail;
}
