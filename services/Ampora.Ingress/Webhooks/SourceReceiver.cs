using Ampora.Ingress.Bodies;
using Ampora.Ingress.Deliveries;
using Ampora.Ingress.Refusals;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Ampora.Webhooks;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Receives the webhook of one source: authenticates it before anything of its body is understood and anything is written, commits the
/// wake-up and answers. Whether the body is read before that depends on the request alone: what is done must not tell which sources exist.
/// The commit comes after the body, so that the answer and the ledger always agree, and nothing is held while a body trickles in.
/// </summary>
internal sealed class SourceReceiver(
    SecretReader secrets,
    DeliveryCommitter committer,
    RefusalLedger refusals,
    BodyReader bodies,
    Outages outages,
    UnreadableSecrets unreadable,
    IOptions<IngressOptions> options,
    TimeProvider time)
{
    // Each try means that the secret was rotated within the milliseconds since the last; nobody rotates three times in a row by right.
    private const int MaxVerifications = 3;

    private readonly TimeSpan _databaseTime = TimeSpan.FromMilliseconds(options.Value.DatabaseMilliseconds);

    /// <summary>Receives a webhook.</summary>
    /// <param name="context">The request.</param>
    /// <param name="sourceId">The source as the path names it; it may be anything.</param>
    public async Task<IResult> ReceiveAsync(HttpContext context, string sourceId)
    {
        BodyReader.Limit(context);
        var receipt = Receipt.Of(context, time);
        var database = new DatabaseTime(time, _databaseTime);
        using var body = bodies.Open();
        if (receipt.Presented.NeedsBody)
        {
            if (receipt.IsEncoded)
                return Answers.UnsupportedMediaType(time);
            if (await bodies.KeepAsync(context, body, needed: true) is { } unread)
                return unread;
        }

        var verified = await VerifyAsync(receipt, sourceId, body, database, context.RequestAborted);
        if (verified.Secret is null)
            return TurnedAway(verified);

        if (!receipt.Presented.NeedsBody)
        {
            var rest = receipt.IsReadable ? bodies.KeepAsync(context, body, needed: false) : bodies.SkipAsync(context);
            if (await rest is { } untaken)
                return untaken;
            verified = verified with { Content = receipt.IsReadable && body.TryUse(raw => DeliveryMeaning.Of(receipt.Head, new WebhookBody(raw, receipt.ContentType)), out var content) ? content : null };
        }

        for (var verification = 1; ; verification++)
        {
            var relevance = Relevance.Of(verified.Content, verified.Webhook!.Ref);
            var method = verified.Secret!.Method;
            var ask = new WebhookAsk(sourceId, verified.Webhook.SecretVersion, receipt.ToDelivery(method, verified.SignedBy, verified.Content, relevance, null));
            switch (await CommitAsync(ask, database, context.RequestAborted))
            {
                case AskOutcome.Accepted:
                    return Answer(method, "accepted", reason: null);
                case AskOutcome.Ignored:
                    return Answer(method, "ignored", relevance.Reason);
                case AskOutcome.Paused:
                    return Answer(method, "ignored", IgnoredReasons.SourcePaused);
                case AskOutcome.NoSource:
                    return TurnedAway(Verified.Of(null, SourceJudgement.Unknown(sourceId)));
                case AskOutcome.StaleSecret when verification < MaxVerifications:
                    var understood = verified.Content;
                    verified = await VerifyAsync(receipt, sourceId, body, database, context.RequestAborted);
                    if (verified.Secret is null)
                        return TurnedAway(verified);
                    verified = verified with { Content = understood };
                    break;
                default:
                    return Answers.Unavailable(context.Response);
            }
        }

        IResult Answer(WebhookMethod method, string verdict, string? reason)
        {
            receipt.Count(method.Name, verdict);
            return TypedResults.Accepted((string?)null, new SourceAnswer(receipt.DeliveryId, verdict, reason));
        }

        IResult TurnedAway(Verified refused)
        {
            if (refused.GaveWay)
                return bodies.GaveWay();
            if (refused.Reason is not { } reason)
                return Answers.Unavailable(context.Response);
            refusals.Count(new Refusal(refused.Webhook?.SourceId, receipt.Address, reason, receipt.Sender, receipt.Event, refused.Detail));
            receipt.Count(receipt.Sender, "refused");
            return Refused.Alike;
        }
    }

    /// <summary>Checks what came against what the database has now.</summary>
    private async Task<Verified> VerifyAsync(Receipt receipt, string sourceId, KeptBody body, DatabaseTime database, CancellationToken aborted)
    {
        SourceWebhook? webhook = null;
        // Nothing else can be a source, so the database need not be asked.
        if (SourceJudgement.IsSlug(sourceId))
        {
            try
            {
                webhook = await database.RunAsync(token => secrets.ReadAsync(sourceId, token), aborted);
                outages.Database.Succeeded();
            }
            catch (SecretUnreadableException e)
            {
                unreadable.Note(e);
                return default;
            }
            catch (Exception e)
            {
                if (!aborted.IsCancellationRequested)
                    outages.Database.Failed(e);
                return default;
            }
        }

        if (!receipt.Presented.NeedsBody)
            return Verified.Of(webhook, SourceJudgement.Of(webhook, sourceId, receipt.Head, WebhookBody.Empty, receipt.ReceivedAt));

        // One look at the body for both, so that what a form holds is decoded once.
        var seen = body.TryUse(
            raw =>
            {
                var whole = new WebhookBody(raw, receipt.ContentType);
                var judged = Verified.Of(webhook, SourceJudgement.Of(webhook, sourceId, receipt.Head, whole, receipt.ReceivedAt));
                return judged.Secret is null ? judged : judged with { Content = DeliveryMeaning.Of(receipt.Head, whole) };
            },
            out var verified);
        return seen ? verified : new Verified { GaveWay = true };
    }

    /// <returns>What became of it; null when that is unknown or nothing.</returns>
    private async Task<AskOutcome?> CommitAsync(WebhookAsk ask, DatabaseTime database, CancellationToken aborted)
    {
        try
        {
            return (await database.RunAsync(token => committer.CommitAsync([ask], token), aborted))?[0];
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Verified by a secret, refused for a reason, or (the default) neither, because the database did not say.</summary>
    private readonly record struct Verified
    {
        public SourceWebhook? Webhook { get; init; }

        public WebhookSecret? Secret { get; init; }

        public string SignedBy { get; init; }

        public DeliveryContent? Content { get; init; }

        public string? Reason { get; init; }

        public string? Detail { get; init; }

        /// <summary>Its body had to give way to others before it was looked into.</summary>
        public bool GaveWay { get; init; }

        public static Verified Of(SourceWebhook? webhook, SourceJudgement judgement) => new()
        {
            Webhook = webhook,
            Secret = judgement.Secret,
            SignedBy = judgement.SignedBy,
            Reason = judgement.Reason,
            Detail = judgement.Detail,
        };
    }
}
