using Ampora.Ingress.Bodies;
using Ampora.Ingress.Deliveries;
using Ampora.Ingress.Refusals;
using Ampora.Store.Secrets;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Receives webhooks at the shared endpoint, one hook for a whole organisation: finds the sources on the repository that the payload names,
/// verifies the sender by an organisation's secret or by theirs, commits all wake-ups together and answers which they were. "Nothing
/// matched" is said only to a sender that was verified; every other one gets the same refusal as anywhere.
/// </summary>
internal sealed class SharedReceiver(
    SecretReader secrets,
    DeliveryCommitter committer,
    UnmatchedDeliveries unmatched,
    RefusalLedger refusals,
    BodyReader bodies,
    Outages outages,
    UnreadableSecrets unreadable,
    IOptions<IngressOptions> options,
    TimeProvider time)
{
    // As at a source's own address.
    private const int MaxVerifications = 3;

    private readonly TimeSpan _databaseTime = TimeSpan.FromMilliseconds(options.Value.DatabaseMilliseconds);

    /// <summary>Receives a webhook.</summary>
    public async Task<IResult> ReceiveAsync(HttpContext context)
    {
        BodyReader.Limit(context);
        var receipt = Receipt.Of(context, time);
        if (!receipt.IsReadable)
            return Answers.UnsupportedMediaType(time);
        // Who proves nothing is not listened to: the body need not be read to know how that ends.
        if (receipt.Presented.IsEmpty)
            return TurnedAway(Unproven(receipt), payload: null);
        using var body = bodies.Open();
        if (await bodies.KeepAsync(context, body, needed: true) is { } unread)
            return unread;
        if (!body.TryUse(raw => SharedPayload.Of(receipt, new WebhookBody(raw, receipt.ContentType)), out var payload))
            return bodies.GaveWay();
        if (payload!.Problem is { } problem && payload.Content is null)
            return Answers.Malformed(problem);
        if (payload.Reason is { } unusable)
            return TurnedAway(new Judgement { Reason = unusable, Detail = SharedWords.Unusable(unusable) }, payload);

        var database = new DatabaseTime(time, _databaseTime);
        var settled = new Dictionary<string, AskOutcome>(StringComparer.Ordinal);
        for (var verification = 1; verification <= MaxVerifications; verification++)
        {
            var judged = await JudgeAsync(receipt, payload, body, database, context.RequestAborted);
            if (judged.SpokenFor is not { } spoken)
                return TurnedAway(judged, payload);
            if (payload.Problem is { } broken)
                return Answers.Malformed(broken);

            var relevances = spoken.Sources.ToDictionary(s => s.Source.SourceId, s => Relevance.Of(payload.Content, s.Source.Ref), StringComparer.Ordinal);
            WebhookAsk[] asks =
            [
                .. spoken.Sources.Where(s => !settled.ContainsKey(s.Source.SourceId)).Select(s => new WebhookAsk(
                    s.Source.SourceId,
                    s.Source.SecretVersion,
                    receipt.ToDelivery(spoken.Method, s.SignedBy, payload.Content, relevances[s.Source.SourceId], s.SecretName))),
            ];
            if (asks.Length > 0)
            {
                if (await CommitAsync(asks, database, context.RequestAborted) is not { } outcomes)
                    return Answers.Unavailable(context.Response);
                foreach (var (ask, outcome) in asks.Zip(outcomes).Where(o => o.Second is not (AskOutcome.StaleSecret or AskOutcome.NoSource)))
                    settled[ask.SourceId] = outcome;
                // Those whose secrets changed meanwhile are verified anew; the others are committed, and not asked again.
                if (outcomes.Contains(AskOutcome.StaleSecret))
                    continue;
            }

            var answer = SharedWords.Answer(receipt.DeliveryId, payload, spoken, settled, relevances);
            if (settled.Count == 0 && !await RecordAsync(receipt, payload, spoken, answer, database, context.RequestAborted))
                return Answers.Unavailable(context.Response);
            receipt.Count(spoken.Method.Name, answer.Verdict);
            return TypedResults.Accepted((string?)null, answer);
        }

        return Answers.Unavailable(context.Response);

        IResult TurnedAway(Judgement refused, SharedPayload? payload)
        {
            if (refused.GaveWay)
                return bodies.GaveWay();
            if (refused.Reason is not { } reason)
                return Answers.Unavailable(context.Response);
            refusals.Count(new Refusal(
                refused.SourceId, receipt.Address, reason, payload?.Content?.Provider ?? receipt.Sender, payload?.Content?.Event ?? receipt.Event, refused.Detail,
                payload?.RepositoryText));
            receipt.Count(receipt.Sender, "refused");
            return Refused.Alike;
        }
    }

    /// <summary>What is missing, as it is for this sender's own method.</summary>
    private static Judgement Unproven(Receipt receipt)
    {
        if (Senders.Recognise(receipt.Headers) is not { } sender)
            return new Judgement { Reason = RefusalReasons.ProviderUnknown, Detail = SharedWords.Unusable(RefusalReasons.ProviderUnknown) };
        if (WebhookMethod.Find(sender) is not { } method)
            return new Judgement { Reason = RefusalReasons.ProviderNotSupported, Detail = SharedWords.Unusable(RefusalReasons.ProviderNotSupported) };
        var nobodys = WebhookSecret.Of(method, method == WebhookMethod.StandardWebhooks ? SigningKey.Generate() : AccessToken.Generate(), null);
        var verification = WebhookVerification.Verify(receipt.Presented, WebhookBody.Empty, [nobodys], receipt.ReceivedAt);
        return new Judgement { Reason = verification.Reason, Detail = verification.Detail };
    }

    /// <summary>Finds out for whom the delivery speaks.</summary>
    private async Task<Judgement> JudgeAsync(Receipt receipt, SharedPayload payload, KeptBody body, DatabaseTime database, CancellationToken aborted)
    {
        SharedCandidates candidates;
        try
        {
            candidates = await database.RunAsync(token => secrets.FindAsync(payload.Repository, payload.Content!.Provider, token), aborted);
            outages.Database.Succeeded();
        }
        catch (Exception e)
        {
            if (!aborted.IsCancellationRequested)
                outages.Database.Failed(e);
            return default;
        }

        var match = SharedMatch.Of(candidates);
        if (!body.TryUse(
            raw => WebhookVerification.Verify(receipt.Presented, new WebhookBody(raw, receipt.ContentType), match.Secrets, receipt.ReceivedAt), out var verification))
            return new Judgement { GaveWay = true };
        if (verification.Secret is { } place && match.Verified(place) is { } spoken)
            return new Judgement { SpokenFor = spoken };
        if (candidates.Unreadable is { } secret)
        {
            unreadable.Note(secret);
            return default;
        }

        // One source whose own secret was tried: its operator finds the refusal with it.
        var only = candidates is { Sources: [var one], Secrets: [] } ? one.SourceId : null;
        if (verification.Secret is not null)
            return new Judgement { SourceId = only, Reason = RefusalReasons.SecretRotated, Detail = SharedWords.Rotated };
        return match.Secrets.Count == 0
            ? new Judgement
            {
                SourceId = only,
                Reason = candidates.Sources.Count == 0 ? RefusalReasons.RepositoryUnknown : RefusalReasons.SecretNotSet,
                Detail = SharedWords.NobodyToVerify(payload, candidates.Sources.Count),
            }
            : new Judgement { SourceId = only, Reason = verification.Reason, Detail = SharedWords.Mismatch(verification.Detail, match) };
    }

    /// <returns>What became of each; null when that is unknown or nothing.</returns>
    private async Task<IReadOnlyList<AskOutcome>?> CommitAsync(WebhookAsk[] asks, DatabaseTime database, CancellationToken aborted)
    {
        try
        {
            return await database.RunAsync(token => committer.CommitAsync(asks, token), aborted);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Records a delivery that is in no source's ledger.</summary>
    private async Task<bool> RecordAsync(
        Receipt receipt, SharedPayload payload, SpokenFor spoken, SharedAnswer answer, DatabaseTime database, CancellationToken aborted)
    {
        var row = SharedWords.Row(receipt, payload, spoken, answer);
        try
        {
            await database.RunAsync(
                async token =>
                {
                    await unmatched.WriteAsync(row, token);
                    return true;
                },
                aborted);
            outages.Database.Succeeded();
            return true;
        }
        catch (Exception e)
        {
            if (!aborted.IsCancellationRequested)
                outages.Database.Failed(e);
            return false;
        }
    }

    /// <summary>For whom it speaks, refused for a reason, or (the default) neither, because the database did not say.</summary>
    private readonly record struct Judgement
    {
        public SpokenFor? SpokenFor { get; init; }

        public string? SourceId { get; init; }

        public string? Reason { get; init; }

        public string? Detail { get; init; }

        /// <summary>Its body had to give way to others before it was looked into.</summary>
        public bool GaveWay { get; init; }
    }
}
