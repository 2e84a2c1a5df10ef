using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Ampora.Hosting.Http;
using Ampora.Hosting.Telemetry;
using Ampora.Ingress.Bodies;
using Ampora.Ingress.Deliveries;
using Ampora.Ingress.Refusals;
using Ampora.Store.Secrets;
using Ampora.Wakeups;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Webhooks;

/// <summary>
/// Receives the webhook of one source: authenticates it before anything of its body is read and anything is written, takes the body to
/// nowhere, commits the wake-up and answers. The commit comes after the body, so that the answer and the ledger always agree, and nothing
/// is held while a body trickles in.
/// </summary>
internal sealed class WebhookReceiver(
    SecretReader secrets,
    DeliveryCommitter committer,
    RefusalLedger refusals,
    BodyReader bodies,
    Outages outages,
    IOptions<IngressOptions> options,
    TimeProvider time)
{
    private const string Provider = "token";
    private const int MaxSlugLength = 63;

    // Each try means that the secret was rotated within the milliseconds since the last; nobody rotates three times in a row by right.
    private const int MaxVerifications = 3;

    // What a token is compared with when there is nothing to compare it with, so that this takes as long.
    private static readonly byte[] Nothing = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);

    private static readonly SearchValues<char> SlugCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private readonly TimeSpan _databaseTime = TimeSpan.FromMilliseconds(options.Value.DatabaseMilliseconds);

    /// <summary>Receives a webhook.</summary>
    /// <param name="context">The request.</param>
    /// <param name="sourceId">The source as the path names it; it may be anything.</param>
    public async Task<IResult> ReceiveAsync(HttpContext context, string sourceId)
    {
        BodyReader.Limit(context);
        var receivedAt = time.GetUtcNow();
        var started = time.GetTimestamp();
        var address = AddressOf(context.Connection);
        var token = PresentedToken.Of(context.Request);

        var verified = await VerifyAsync(sourceId, token, _databaseTime, context.RequestAborted);
        if (verified.SignedBy is null)
            return TurnedAway(verified, sourceId, address);

        var reading = time.GetElapsedTime(started);
        if (await bodies.SkipAsync(context) is { } problem)
            return problem;

        // What the sender took for its body is not the database's; what the database took for the secrets is.
        var committing = time.GetTimestamp();
        TimeSpan Left() => _databaseTime - reading - time.GetElapsedTime(committing);
        var deliveryId = $"dlv_{Guid.CreateVersion7(receivedAt):n}";
        var delivery = new Delivery(deliveryId, receivedAt, Provider, EventName.Of(context.Request), address, verified.SignedBy);
        for (var verification = 1; ; verification++)
        {
            var ask = new WebhookAsk(sourceId, verified.Version, delivery with { SignedBy = verified.SignedBy });
            switch (await CommitAsync(ask, Left(), context.RequestAborted))
            {
                case AskOutcome.Accepted:
                    return Answer(deliveryId, "accepted", reason: null);
                case AskOutcome.Ignored:
                    return Answer(deliveryId, "ignored", delivery.IgnoredBecause);
                case AskOutcome.Paused:
                    return Answer(deliveryId, "ignored", "source_paused");
                case AskOutcome.NoSource:
                    return TurnedAway(new Verification(RefusalReasons.SourceUnknown), sourceId, address);
                case AskOutcome.StaleSecret when verification < MaxVerifications:
                    verified = await VerifyAsync(sourceId, token, Left(), context.RequestAborted);
                    if (verified.SignedBy is null)
                        return TurnedAway(verified, sourceId, address);
                    break;
                default:
                    return Unavailable(context.Response);
            }
        }

        IResult TurnedAway(Verification verification, string id, string? from)
        {
            if (verification.Refusal is not { } reason)
                return Unavailable(context.Response);
            refusals.Count(reason == RefusalReasons.SourceUnknown ? null : id, from, reason);
            Counted("refused");
            return Refused.Alike;
        }
    }

    /// <summary>Checks the token against what the database has now.</summary>
    private async Task<Verification> VerifyAsync(string sourceId, PresentedToken token, TimeSpan within, CancellationToken aborted)
    {
        StoredSecret? stored = null;
        if (IsSlug(sourceId))
        {
            var reading = ReadAsync(sourceId, within, aborted);
            try
            {
                // The driver may take its own time to give up on a server that does not answer; the sender is not kept waiting for that.
                stored = await reading.WaitAsync(Positive(within), time, aborted);
                outages.Database.Succeeded();
            }
            catch (Exception e)
            {
                if (!aborted.IsCancellationRequested)
                    outages.Database.Failed(e);
                _ = reading.ContinueWith(static t => t.Exception, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously);
                return default;
            }
        }

        // Both comparisons are always made, with something, so that the time tells nothing.
        var isCurrent = AccessToken.Matches(token.Hash, stored?.Current ?? Nothing);
        var isPrevious = AccessToken.Matches(token.Hash, stored?.Previous ?? Nothing);
        return (stored, token.Fault) switch
        {
            (null, _) => new Verification(RefusalReasons.SourceUnknown),
            (_, { } fault) => new Verification(fault),
            ({ Current: null }, _) => new Verification(RefusalReasons.TokenNotSet),
            _ when isCurrent => new Verification(stored.Version, "current"),
            _ when isPrevious && stored.PreviousIsValid => new Verification(stored.Version, "previous"),
            _ when isPrevious => new Verification(RefusalReasons.TokenRotated),
            _ => new Verification(RefusalReasons.TokenWrong),
        };
    }

    private async Task<StoredSecret?> ReadAsync(string sourceId, TimeSpan within, CancellationToken aborted)
    {
        using var deadline = new CancellationTokenSource(Positive(within), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, aborted);
        return await secrets.ReadAsync(sourceId, either.Token);
    }

    /// <returns>What became of it; null when that is unknown or nothing.</returns>
    private async Task<AskOutcome?> CommitAsync(WebhookAsk ask, TimeSpan within, CancellationToken aborted)
    {
        using var deadline = new CancellationTokenSource(Positive(within), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, aborted);
        return await committer.CommitAsync(ask, either.Token);
    }

    private static Accepted<WebhookAnswer> Answer(string deliveryId, string verdict, string? reason)
    {
        Counted(verdict);
        Activity.Current?.SetTag("ampora.delivery_id", deliveryId);
        return TypedResults.Accepted((string?)null, new WebhookAnswer(deliveryId, verdict, reason));
    }

    private static IResult Unavailable(HttpResponse response)
    {
        response.Headers.RetryAfter = "1";
        return Problem.Because(
            StatusCodes.Status503ServiceUnavailable,
            "store_unavailable",
            "The webhook could not be stored",
            "Send it again. A webhook is answered 202 only when it is stored durably, and the database did not answer in time.");
    }

    private static void Counted(string verdict) =>
        AmporaMetrics.WebhookDeliveries.Add(1, new KeyValuePair<string, object?>("provider", Provider), new KeyValuePair<string, object?>("verdict", verdict));

    // [a-z0-9-]{1,63}: nothing else can be a source, so the database need not be asked.
    private static bool IsSlug(string id) =>
        id.Length is > 0 and <= MaxSlugLength && !id.AsSpan().ContainsAnyExcept(SlugCharacters);

    private static string? AddressOf(ConnectionInfo connection) => connection.RemoteIpAddress switch
    {
        null => null,
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
        IPAddress address => address.ToString(),
    };

    // A timer takes no negative time, and what has run out ends at once all the same.
    private static TimeSpan Positive(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.FromTicks(1);

    /// <summary>Verified by one of the secrets, refused for a reason, or (the default) neither, because the database did not say.</summary>
    private readonly record struct Verification
    {
        public Verification(long version, string signedBy) => (Version, SignedBy) = (version, signedBy);

        public Verification(string refusal) => Refusal = refusal;

        public long Version { get; }

        public string? SignedBy { get; }

        public string? Refusal { get; }
    }
}
