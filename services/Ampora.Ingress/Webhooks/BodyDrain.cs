using System.IO.Pipelines;
using Ampora.Hosting.Http;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Ampora.Ingress.Webhooks;

/// <summary>Reads a body to its end and keeps nothing of it: what it says is never believed, but a sender waits until it is taken.</summary>
internal static class BodyDrain
{
    /// <summary>GitHub's and GitLab's own limit; nothing that a Git host sends is larger.</summary>
    public const long MaxBytes = 25 * 1024 * 1024;

    // Many clients read no answer before they have sent their whole body, and a connection that is closed on them loses it. So what comes
    // after the answer is still taken for a moment, and not counted as anything.
    private const long MaxBytesAfterAnswer = 64 * 1024 * 1024;
    private static readonly TimeSpan AfterAnswer = TimeSpan.FromSeconds(5);

    /// <summary>Bounds what the server reads of the body, also of one that nobody asks for and that it only skips after the answer.</summary>
    public static void Limit(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = MaxBytes + MaxBytesAfterAnswer;
    }

    /// <summary>Reads the body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="within">How long the sender may take.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Null, or the answer to a body that cannot be taken.</returns>
    public static async Task<IResult?> RunAsync(HttpContext context, TimeSpan within, TimeProvider time)
    {
        if (context.Request.ContentLength > MaxBytes)
            return TooLarge(time);

        using var deadline = new CancellationTokenSource(within, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, context.RequestAborted);
        try
        {
            return await SkipAsync(context.Request.BodyReader, MaxBytes, either.Token) ? null : TooLarge(time);
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => TooLarge(time),
                StatusCodes.Status408RequestTimeout => TooSlow(time),
                _ => Problem.Because(
                    e.StatusCode, "malformed_request", "The body is malformed", "Send the body as its Content-Length or Transfer-Encoding says."),
            };
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            return TooSlow(time);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // The sender has gone; the status is only for the server's own count.
            return Results.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }

    /// <returns>False when there is more than that.</returns>
    private static async Task<bool> SkipAsync(PipeReader body, long maxBytes, CancellationToken cancellationToken)
    {
        for (var total = 0L; total <= maxBytes;)
        {
            var read = await body.ReadAsync(cancellationToken);
            total += read.Buffer.Length;
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted && total <= maxBytes)
                return true;
        }

        return false;
    }

    private static AnswerBeforeEnd TooLarge(TimeProvider time) => new(
        Problem.Because(
            StatusCodes.Status413PayloadTooLarge,
            "body_too_large",
            "The body is too large",
            "A webhook may bring at most 25 MB. Ampora reads nothing of it, so an empty body does as well."),
        time);

    private static AnswerBeforeEnd TooSlow(TimeProvider time) => new(
        Problem.Because(
            StatusCodes.Status408RequestTimeout,
            "body_too_slow",
            "The body came too slowly",
            "Send the webhook again. Ampora reads nothing of its body, so an empty one does as well."),
        time);

    /// <summary>An answer that does not wait for the body's end, but lets the sender come to it.</summary>
    private sealed class AnswerBeforeEnd(IResult answer, TimeProvider time) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            // Without its end, the connection is of no more use. HTTP/2 ends the stream alone.
            if (HttpProtocol.IsHttp11(httpContext.Request.Protocol) || HttpProtocol.IsHttp10(httpContext.Request.Protocol))
                httpContext.Response.Headers.Connection = "close";
            await answer.ExecuteAsync(httpContext);
            await httpContext.Response.CompleteAsync();
            using var deadline = new CancellationTokenSource(AfterAnswer, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, httpContext.RequestAborted);
            try
            {
                await SkipAsync(httpContext.Request.BodyReader, MaxBytesAfterAnswer, either.Token);
            }
            catch (Exception e) when (e is BadHttpRequestException or OperationCanceledException or IOException)
            {
                // The answer is on its way; how the body ends changes nothing.
            }
        }
    }
}
