using Ampora.Ingress.Bodies;
using Ampora.Ingress.Deliveries;
using Ampora.Ingress.Refusals;
using Ampora.Store.Model;
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
            return TurnedAway(Judged.Of(SharedJudgement.Unproven(receipt.Head, receipt.ReceivedAt)), payload: null);
        using var body = bodies.Open();
        if (await bodies.KeepAsync(context, body, needed: true) is { } unread)
            return unread;
        if (!body.TryUse(raw => SharedPayload.Of(receipt.Head, new WebhookBody(raw, receipt.ContentType)), out var payload))
            return bodies.GaveWay();
        if (payload!.Problem is { } problem && payload.Content is null)
            return Answers.Malformed(problem);
        if (payload.Reason is { } unusable)
            return TurnedAway(Judged.Of(SharedJudgement.Unusable(unusable)), payload);

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

            var verdict = SharedVerdict.Of(payload, spoken, settled, relevances);
            if (settled.Count == 0 && !await RecordAsync(RowOf(receipt, payload, spoken, verdict), database, context.RequestAborted))
                return Answers.Unavailable(context.Response);
            receipt.Count(spoken.Method.Name, verdict.Verdict);
            return TypedResults.Accepted((string?)null, new SharedAnswer(receipt.DeliveryId, verdict.Verdict, verdict.Matched, verdict.Reason, verdict.Detail));
        }

        return Answers.Unavailable(context.Response);

        IResult TurnedAway(Judged refused, SharedPayload? payload)
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

    /// <summary>Finds out for whom the delivery speaks.</summary>
    private async Task<Judged> JudgeAsync(Receipt receipt, SharedPayload payload, KeptBody body, DatabaseTime database, CancellationToken aborted)
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

        if (!body.TryUse(
            raw => SharedJudgement.Of(candidates, payload, receipt.Head, new WebhookBody(raw, receipt.ContentType), receipt.ReceivedAt), out var judgement))
            return new Judged { GaveWay = true };
        if (judgement!.Unreadable is { } secret)
            unreadable.Note(secret);
        return Judged.Of(judgement);
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
    private async Task<bool> RecordAsync(TurnedAwayRow row, DatabaseTime database, CancellationToken aborted)
    {
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

    /// <summary>The line in the operator's ledger of a verified delivery that is in no source's.</summary>
    private static TurnedAwayRow RowOf(Receipt receipt, SharedPayload payload, SpokenFor spoken, SharedVerdict verdict) => new()
    {
        Id = receipt.DeliveryId,
        // Authenticated ones are not counted together: each has its id, which its sender was told.
        Kind = receipt.DeliveryId,
        Sequence = 0,
        FirstAt = receipt.ReceivedAt,
        ReceivedAt = receipt.ReceivedAt,
        Provider = spoken.Method.Name,
        Event = payload.Content?.Event ?? receipt.Event,
        Verdict = verdict.Verdict,
        Reason = verdict.Reason!,
        Detail = verdict.Detail,
        RemoteIp = receipt.Address,
        Refs = payload.Content?.RefsText,
        Repository = payload.RepositoryText,
        Count = 1,
    };

    /// <summary>For whom it speaks, refused for a reason, or (the default) neither, because the database did not say.</summary>
    private readonly record struct Judged
    {
        public SpokenFor? SpokenFor { get; init; }

        public string? SourceId { get; init; }

        public string? Reason { get; init; }

        public string? Detail { get; init; }

        /// <summary>Its body had to give way to others before it was looked into.</summary>
        public bool GaveWay { get; init; }

        public static Judged Of(SharedJudgement judgement) => new()
        {
            SpokenFor = judgement.SpokenFor,
            SourceId = judgement.SourceId,
            Reason = judgement.Reason,
            Detail = judgement.Detail,
        };
    }
}
