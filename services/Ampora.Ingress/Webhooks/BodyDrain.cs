using Ampora.Hosting.Http;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Ampora.Ingress.Webhooks;

/// <summary>Reads a body to its end and keeps nothing of it: what it says is never believed, but a sender waits until it is taken.</summary>
internal static class BodyDrain
{
    /// <summary>GitHub's and GitLab's own limit; nothing that a Git host sends is larger.</summary>
    public const long MaxBytes = 25 * 1024 * 1024;

    /// <summary>Bounds what the server reads of the body, also of one that nobody asks for and that it only skips after the answer.</summary>
    public static void Limit(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = MaxBytes;
    }

    /// <summary>Reads the body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="within">How long the sender may take.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Null, or the answer to a body that cannot be taken.</returns>
    public static async Task<IResult?> RunAsync(HttpContext context, TimeSpan within, TimeProvider time)
    {
        if (context.Request.ContentLength > MaxBytes)
            return TooLarge(context);

        using var deadline = new CancellationTokenSource(within, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, context.RequestAborted);
        var reader = context.Request.BodyReader;
        try
        {
            for (var total = 0L; ;)
            {
                var read = await reader.ReadAsync(either.Token);
                total += read.Buffer.Length;
                reader.AdvanceTo(read.Buffer.End);
                if (total > MaxBytes)
                    return TooLarge(context);
                if (read.IsCompleted)
                    return null;
            }
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => TooLarge(context),
                StatusCodes.Status408RequestTimeout => TooSlow(context),
                _ => Problem.Because(
                    e.StatusCode, "malformed_request", "The body is malformed", "Send the body as its Content-Length or Transfer-Encoding says."),
            };
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            return TooSlow(context);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // The sender has gone; the status is only for the server's own count.
            return Results.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }

    private static IResult TooLarge(HttpContext context)
    {
        Hang(context);
        return Problem.Because(
            StatusCodes.Status413PayloadTooLarge,
            "body_too_large",
            "The body is too large",
            "A webhook may bring at most 25 MB. Ampora reads nothing of it, so an empty body does as well.");
    }

    private static IResult TooSlow(HttpContext context)
    {
        Hang(context);
        return Problem.Because(
            StatusCodes.Status408RequestTimeout,
            "body_too_slow",
            "The body came too slowly",
            "Send the webhook again. Ampora reads nothing of its body, so an empty one does as well.");
    }

    // The rest of such a body is not worth reading, and without reading it the connection is of no more use. HTTP/2 ends the stream alone.
    private static void Hang(HttpContext context)
    {
        if (HttpProtocol.IsHttp11(context.Request.Protocol) || HttpProtocol.IsHttp10(context.Request.Protocol))
            context.Response.Headers.Connection = "close";
    }
}
