using Ampora.Hosting.Http;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Bodies;

/// <summary>Reads bodies to their end, within a size and a time: into memory, or to nowhere when nobody needs to know what they say.</summary>
internal sealed class BodyReader(BodyBudget budget, IOptions<IngressOptions> options, TimeProvider time)
{
    /// <summary>GitHub's and GitLab's own limit; nothing that a Git host sends is larger.</summary>
    public const long MaxBytes = 25 * 1024 * 1024;

    private readonly TimeSpan _within = TimeSpan.FromSeconds(options.Value.BodySeconds);

    /// <summary>Bounds what the server reads of the body, also of one that nobody asks for and that it only skips after the answer.</summary>
    public static void Limit(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = MaxBytes + AnswerBeforeEnd.MaxBytes;
    }

    /// <summary>Begins a body in memory. Whoever opens it disposes it.</summary>
    public KeptBody Open() => budget.Open();

    /// <summary>Reads the body to nowhere: a sender waits until it is taken.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Null, or the answer to a body that cannot be taken.</returns>
    public Task<IResult?> SkipAsync(HttpContext context) => ReadAsync(context, kept: null, needed: false);

    /// <summary>Reads the body into memory.</summary>
    /// <param name="context">The request.</param>
    /// <param name="into">Where to.</param>
    /// <param name="needed">
    /// Whether the webhook cannot go on without it. One that can, because it was authenticated by its head, is read on to nowhere when its
    /// body has to give way.
    /// </param>
    /// <returns>Null, or the answer to a body that cannot be taken.</returns>
    public Task<IResult?> KeepAsync(HttpContext context, KeptBody into, bool needed) => ReadAsync(context, into, needed);

    /// <summary>The answer to a webhook whose body had to give way to others.</summary>
    public AnswerBeforeEnd GaveWay() => new(
        Problem.Because(
            StatusCodes.Status503ServiceUnavailable,
            "too_many_bodies",
            "Too many bodies at once",
            "Send it again. More is being sent to Ampora at once than it keeps in memory, and this body was the largest."),
        time,
        retryAfter: true);

    private async Task<IResult?> ReadAsync(HttpContext context, KeptBody? kept, bool needed)
    {
        if (context.Request.ContentLength > MaxBytes)
            return TooLarge();

        using var deadline = new CancellationTokenSource(_within, time);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, context.RequestAborted);
        try
        {
            var total = 0L;
            if (kept is not null)
            {
                using var gaveWay = CancellationTokenSource.CreateLinkedTokenSource(ends.Token, kept.GaveWay);
                try
                {
                    (var completed, total) = await TakeAsync(context, kept, total, gaveWay.Token);
                    if (completed)
                        return null;
                }
                catch (OperationCanceledException) when (kept.GaveWay.IsCancellationRequested && !ends.IsCancellationRequested)
                {
                    // Its total is lost with it; what is still to come is bounded all the same.
                }

                if (total > MaxBytes)
                    return TooLarge();
                if (needed)
                    return GaveWay();
            }

            var (ended, _) = await TakeAsync(context, kept: null, total, ends.Token);
            return ended ? null : TooLarge();
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => TooLarge(),
                StatusCodes.Status408RequestTimeout => TooSlow(),
                _ => Problem.Because(
                    e.StatusCode, "malformed_request", "The body is malformed", "Send the body as its Content-Length or Transfer-Encoding says."),
            };
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            return TooSlow();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // The sender has gone; the status is only for the server's own count.
            return Results.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }

    /// <returns>Whether that was all of it, and how much came: it ends early when it is too large, or its memory had to give way.</returns>
    private static async Task<(bool Completed, long Total)> TakeAsync(HttpContext context, KeptBody? kept, long total, CancellationToken cancellationToken)
    {
        var body = context.Request.BodyReader;
        while (true)
        {
            var read = await BodyPipe.ReadAsync(body, cancellationToken);
            total += read.Buffer.Length;
            var taken = total <= MaxBytes && (kept is null || kept.TryAppend(read.Buffer));
            body.AdvanceTo(read.Buffer.End);
            if (!taken || read.IsCompleted)
                return (taken, total);
        }
    }

    private AnswerBeforeEnd TooLarge() => new(
        Problem.Because(
            StatusCodes.Status413PayloadTooLarge, "body_too_large", "The body is too large", "A webhook may bring at most 25 MB; no Git host sends more."),
        time);

    private AnswerBeforeEnd TooSlow() => new(
        Problem.Because(
            StatusCodes.Status408RequestTimeout,
            "body_too_slow",
            "The body came too slowly",
            "Send the webhook again, faster. Its body has to come within Ampora__Ingress__BodySeconds, and never in drops."),
        time);
}
