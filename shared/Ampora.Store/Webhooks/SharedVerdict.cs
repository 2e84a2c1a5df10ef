using Ampora.Wakeups;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>What is said of a verified delivery at the shared endpoint.</summary>
/// <param name="Verdict"><c>accepted</c> when it woke at least one source, otherwise <c>ignored</c>.</param>
/// <param name="Matched">The sources that it woke.</param>
/// <param name="Reason">Why it woke none; null when it did.</param>
/// <param name="Detail">The same in words; null when it did.</param>
public sealed record SharedVerdict(string Verdict, IReadOnlyList<string> Matched, string? Reason, string? Detail)
{
    // Enough to recognise them; an answer and a ledger's line stay short.
    private const int MaxNamed = 5;

    /// <summary>Says it.</summary>
    /// <param name="payload">What the delivery said.</param>
    /// <param name="spoken">For whom it speaks.</param>
    /// <param name="settled">What became of each source that there still is.</param>
    /// <param name="relevances">Whether it concerns each of them.</param>
    public static SharedVerdict Of(
        SharedPayload payload, SpokenFor spoken, IReadOnlyDictionary<string, AskOutcome> settled, IReadOnlyDictionary<string, Relevance> relevances)
    {
        ArgumentNullException.ThrowIfNull(payload);
        ArgumentNullException.ThrowIfNull(spoken);
        string[] With(AskOutcome outcome) => [.. settled.Where(s => s.Value == outcome).Select(s => s.Key).Order(StringComparer.Ordinal)];
        var woken = With(AskOutcome.Accepted);
        if (woken.Length > 0)
            return new SharedVerdict("accepted", woken, null, null);

        // A paused source would have been woken; another one would not. So the first is what its operator wants to know.
        var paused = With(AskOutcome.Paused).Where(id => !relevances.TryGetValue(id, out var r) || r.Wakes).ToList();
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
        return new SharedVerdict("ignored", [], reason, detail);
    }

    private static string Named(List<string> names) =>
        string.Join(", ", names.Take(MaxNamed)) + (names.Count > MaxNamed ? $" and {names.Count - MaxNamed} more" : "");
}
