using Ampora.Console.Access;
using Ampora.Database;
using Ampora.Store;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Console.Explaining;

/// <summary>
/// Says what would become of a delivery, by the very judgements by which Ingress acts. It writes nothing, wakes nothing, counts nothing, and neither keeps nor logs
/// what it was given.
/// </summary>
internal sealed class Explainer(WebhookReader reader, IOptions<ConfiguredSecrets> configured, Database<StoreContext> database)
{
    private const string Accepted = "accepted";
    private const string Ignored = "ignored";
    private const string Refused = "refused";

    private readonly IReadOnlyList<SharedSecret> _configured = configured.Value.ToShared();

    /// <summary>Explains a delivery at a source's own address.</summary>
    /// <param name="sourceId">The source; it is there.</param>
    /// <param name="given">The delivery.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Explanation> OfSourceAsync(string sourceId, ExplainInput given, CancellationToken cancellationToken)
    {
        var head = WebhookHead.Of(given.Headers, default);
        var body = new WebhookBody(given.Body, head.ContentType);
        var content = DeliveryMeaning.Of(head, body);
        var about = new Explanation
        {
            Provider = content?.Provider ?? Senders.Recognise(head.Headers),
            Event = content?.Event ?? head.Event,
            Refs = content?.RefsText,
            Repository = KeysOf(content is null ? DeliveryRepository.None : DeliveryRepository.Of(content)),
            Verdict = Refused,
            Reason = null,
            Detail = null,
            VerifiedBy = null,
            Sources = [],
        };
        if (head.Presented.NeedsBody && head.IsEncoded)
            return Unsupported(about);

        SourceWebhook? webhook;
        try
        {
            webhook = await reader.ReadAsync(sourceId, cancellationToken);
        }
        catch (SecretUnreadableException e)
        {
            return Unreadable(about, e.Place.Table);
        }

        var judged = SourceJudgement.Of(webhook, sourceId, head, body, database.Time.GetUtcNow());
        if (webhook is null)
            return about with { Reason = judged.Reason, Detail = judged.Detail };
        var relevance = Relevance.Of(content, webhook.Ref);
        if (judged.Secret is null)
            return about with { Reason = judged.Reason, Detail = judged.Detail, Sources = [RefusedOf(webhook, relevance, judged.Reason!, judged.Detail)] };
        var source = Of(webhook, relevance);
        return about with
        {
            Verdict = source.Verdict,
            Reason = source.Reason,
            Detail = source.Detail,
            VerifiedBy = new VerifiedBy(sourceId, null, judged.SignedBy),
            Sources = [source],
        };
    }

    /// <summary>Explains a delivery at the shared address.</summary>
    /// <param name="caller">Who asks: only sources that it may see are looked at.</param>
    /// <param name="given">The delivery.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<Explanation> OfSharedAsync(Caller caller, ExplainInput given, CancellationToken cancellationToken)
    {
        var now = database.Time.GetUtcNow();
        var head = WebhookHead.Of(given.Headers, default);
        var body = new WebhookBody(given.Body, head.ContentType);
        var payload = head.IsReadable ? SharedPayload.Of(head, body) : new SharedPayload(null, DeliveryRepository.None);
        var about = new Explanation
        {
            Provider = payload.Content?.Provider ?? Senders.Recognise(head.Headers),
            Event = payload.Content?.Event ?? head.Event,
            Refs = payload.Content?.RefsText,
            Repository = KeysOf(payload.Repository),
            Verdict = Refused,
            Reason = null,
            Detail = null,
            VerifiedBy = null,
            Sources = [],
        };
        if (!head.IsReadable)
            return Unsupported(about);
        // Also of a delivery whose credentials somebody left out: whom it is for does not depend on them.
        if (head.Presented.IsEmpty && payload.Content is null)
            return Because(about, SharedJudgement.Unproven(head, now));
        if (payload is { Problem: { } problem, Content: null })
            return Malformed(about, problem);
        if (payload.Reason is { } unusable)
            return Because(about, SharedJudgement.Unusable(unusable));

        var found = (await reader.FindAsync(payload.Repository, payload.Content!.Provider, cancellationToken)).With(_configured, payload.Repository, payload.Content.Provider);
        var candidates = found with { Sources = await VisibleAsync(caller, found.Sources, cancellationToken) };
        var judged = head.Presented.IsEmpty ? SharedJudgement.Unproven(head, now) : SharedJudgement.Of(candidates, payload, head, body, now);
        if (judged.Unreadable is { } unreadable)
            return Unreadable(about, unreadable.Place.Table);
        if (judged.SpokenFor is not { } spoken)
        {
            return Because(about, judged) with
            {
                Sources = [.. candidates.Sources.Select(s => RefusedOf(s, Relevance.Of(payload.Content, s.Ref), judged.Reason!, judged.Detail))],
            };
        }

        return payload.Problem is { } broken ? Malformed(about, broken) : Verified(about, payload, candidates, spoken);
    }

    private static Explanation Verified(Explanation about, SharedPayload payload, SharedCandidates candidates, SpokenFor spoken)
    {
        var relevances = spoken.Sources.ToDictionary(s => s.Source.SourceId, s => Relevance.Of(payload.Content, s.Source.Ref), StringComparer.Ordinal);
        // What asking for each would answer.
        var settled = spoken.Sources.ToDictionary(
            s => s.Source.SourceId,
            s => s.Source.Paused ? AskOutcome.Paused : relevances[s.Source.SourceId].Wakes ? AskOutcome.Accepted : AskOutcome.Ignored,
            StringComparer.Ordinal);
        var verdict = SharedVerdict.Of(payload, spoken, settled, relevances);
        var first = spoken.Sources.Count > 0 ? spoken.Sources[0] : null;
        return about with
        {
            Verdict = verdict.Verdict,
            Reason = verdict.Reason,
            Detail = verdict.Detail,
            VerifiedBy = new VerifiedBy(spoken.SecretName is null ? first?.Source.SourceId : null, spoken.SecretName, first?.SignedBy ?? "current"),
            Sources =
            [
                .. candidates.Sources.Select(s => relevances.TryGetValue(s.SourceId, out var relevance)
                    ? Of(s, relevance)
                    : RefusedOf(
                        s,
                        Relevance.Of(payload.Content, s.Ref),
                        RefusalReasons.SignatureMismatch,
                        "The secret that verifies the delivery is not this source's, and speaks for no other.")),
            ],
        };
    }

    private static SourceExplanation Of(SourceWebhook source, Relevance relevance)
    {
        var reason = source.Paused ? IgnoredReasons.SourcePaused : relevance.Reason;
        var detail = reason switch
        {
            null => null,
            IgnoredReasons.SourcePaused => "The source is paused. It is checked when it is resumed.",
            IgnoredReasons.Ping => "The secret is right. A push wakes the source.",
            IgnoredReasons.RefNotTracked => $"The source follows {source.Ref}, and other refs moved.",
            IgnoredReasons.EventNotRelevant => "This event moves no ref, so there is nothing to look at.",
            _ => null,
        };
        return new SourceExplanation(source.SourceId, reason is null ? Accepted : Ignored, reason, detail, source.Ref, relevance.Wakes, reason is null);
    }

    private static SourceExplanation RefusedOf(SourceWebhook source, Relevance relevance, string reason, string? detail) =>
        new(source.SourceId, Refused, reason, detail, source.Ref, relevance.Wakes, WouldWake: false);

    private static Explanation Because(Explanation about, SharedJudgement judged) => about with { Reason = judged.Reason, Detail = judged.Detail };

    private static Explanation Malformed(Explanation about, string problem) => about with
    {
        Reason = PayloadException.MalformedPayload,
        Detail = $"The payload cannot be read, and its sender gets 400. {problem}",
    };

    private static Explanation Unsupported(Explanation about) => about with
    {
        Reason = "unsupported_media_type",
        Detail = "The body has to be read, and is compressed or neither JSON nor a form: its sender gets 415.",
    };

    // Not whose it is: of the shared address, it may be a source that the caller may not see.
    private static Explanation Unreadable(Explanation about, string table) => about with
    {
        Reason = "credential_unreadable",
        Detail = $"A secret in {table} that may verify it was encrypted under another master key, and its sender gets 503: start with that key, or give the secret again.",
    };

    private static List<string> KeysOf(DeliveryRepository repository) =>
        [.. repository.Keys.Concat(repository.BitbucketServerKeys).Concat(repository.BitbucketServerName is { } name ? [name] : []).Distinct(StringComparer.Ordinal)];

    private async Task<IReadOnlyList<SourceWebhook>> VisibleAsync(Caller caller, IReadOnlyList<SourceWebhook> sources, CancellationToken cancellationToken)
    {
        if (caller.Scope.IsUnlimited || sources.Count == 0)
            return sources;
        await using var context = database.Read();
        var ids = sources.Select(s => s.SourceId).ToList();
        var visible = await caller.Scope.Apply(context.Sources).Where(s => ids.Contains(s.Id)).Select(s => s.Id).ToListAsync(cancellationToken);
        return [.. sources.Where(s => visible.Contains(s.SourceId))];
    }
}
