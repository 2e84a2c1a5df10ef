using Ampora.Store.Model;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;

namespace Ampora.Ingress.Webhooks;

/// <summary>What is said of a delivery at the shared endpoint: to its sender once that is verified, to the operator in any case.</summary>
internal static class SharedWords
{
    public const string Rotated = "It was verified by a secret from before its last rotation, whose time is over: enter the new one at the Git host.";

    // Enough to recognise them; an answer and a ledger's line stay short.
    private const int MaxNamed = 5;

    /// <summary>The answer to a verified sender.</summary>
    /// <param name="deliveryId">The delivery's id.</param>
    /// <param name="payload">What it said.</param>
    /// <param name="spoken">For whom it speaks.</param>
    /// <param name="settled">What became of each source that there still is.</param>
    /// <param name="relevances">Whether it concerns each of them.</param>
    public static SharedAnswer Answer(
        string deliveryId,
        SharedPayload payload,
        SpokenFor spoken,
        IReadOnlyDictionary<string, AskOutcome> settled,
        IReadOnlyDictionary<string, Relevance> relevances)
    {
        string[] Of(AskOutcome outcome) => [.. settled.Where(s => s.Value == outcome).Select(s => s.Key).Order(StringComparer.Ordinal)];
        var woken = Of(AskOutcome.Accepted);
        if (woken.Length > 0)
            return new SharedAnswer(deliveryId, "accepted", woken, null, null);

        // A paused source would have been woken; another one would not. So the first is what its operator wants to know.
        var paused = Of(AskOutcome.Paused).Where(id => !relevances.TryGetValue(id, out var r) || r.Wakes).ToList();
        var reason = paused.Count > 0 ? IgnoredReasons.SourcePaused
            : payload.Content!.Kind switch
            {
                EventKind.Ping => IgnoredReasons.Ping,
                EventKind.Other => IgnoredReasons.EventNotRelevant,
                _ => settled.Count > 0 ? IgnoredReasons.RefNotTracked : IgnoredReasons.NothingMatched,
            };
        var detail = reason switch
        {
            IgnoredReasons.SourcePaused => $"Every source on this repository and ref is paused: {Named(paused)}.",
            IgnoredReasons.Ping => "The secret is right. A push wakes the sources on its repository and ref.",
            IgnoredReasons.EventNotRelevant => "This event moves no ref, so there is nothing to look at.",
            IgnoredReasons.RefNotTracked =>
                $"The sources on this repository follow other refs: {Named([.. spoken.Sources.Select(s => s.Source.Ref).Distinct(StringComparer.Ordinal)])}.",
            _ => payload.RepositoryText is { } repository
                ? $"No source follows {repository}: create one, or compare the URL of the one that should."
                : "The payload names no repository.",
        };
        return new SharedAnswer(deliveryId, "ignored", [], reason, detail);
    }

    /// <summary>The line in the operator's ledger of a verified delivery that is in no source's.</summary>
    public static TurnedAwayRow Row(Receipt receipt, SharedPayload payload, SpokenFor spoken, SharedAnswer answer) => new()
    {
        Id = receipt.DeliveryId,
        // Authenticated ones are not counted together: each has its id, which its sender was told.
        Kind = receipt.DeliveryId,
        Sequence = 0,
        FirstAt = receipt.ReceivedAt,
        ReceivedAt = receipt.ReceivedAt,
        Provider = spoken.Method.Name,
        Event = payload.Content?.Event ?? receipt.Event,
        Verdict = answer.Verdict,
        Reason = answer.Reason!,
        Detail = answer.Detail,
        RemoteIp = receipt.Address,
        Refs = payload.Content?.RefsText,
        Repository = payload.RepositoryText,
        Count = 1,
    };

    /// <summary>Why nobody can verify what this sender sends.</summary>
    public static string Unusable(string reason) => reason == RefusalReasons.ProviderUnknown
        ? "Neither the headers nor the body tell which Git host sent it: use the source's own address, with its token."
        : "This sender signs nothing that Ampora can verify: use the source's own address, with its token.";

    /// <summary>Why there is no secret to try.</summary>
    public static string NobodyToVerify(SharedPayload payload, int sources) => (payload.RepositoryText, sources) switch
    {
        (null, _) => $"The payload names no repository, and there is no organisation's secret for {payload.Content!.Provider}.",
        ({ } repository, 0) => $"No source is on {repository}, and no organisation's secret for {payload.Content!.Provider} covers it.",
        ({ } repository, _) => $"The sources on {repository} have no webhook secret, and no organisation's secret for {payload.Content!.Provider} covers it.",
    };

    /// <summary>What was wrong with the credentials.</summary>
    public static string? Mismatch(string? detail, SharedMatch match) => match.MoreSecrets
        ? $"{detail} Only {WebhookVerification.MaxDistinctSecrets} distinct secrets are tried, and the sources on this repository have more: give them an organisation's secret."
        : detail;

    private static string Named(List<string> names) =>
        string.Join(", ", names.Take(MaxNamed)) + (names.Count > MaxNamed ? $" and {names.Count - MaxNamed} more" : "");
}
