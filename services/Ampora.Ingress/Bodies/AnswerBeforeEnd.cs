namespace Ampora.Ingress.Bodies;

/// <summary>
/// An answer that does not wait for the body's end, but lets the sender come to it: many clients read no answer before they have sent
/// their whole body, and a connection that is closed on them loses it. What comes after the answer is taken for a moment and kept nowhere.
/// </summary>
internal sealed class AnswerBeforeEnd(IResult answer, TimeProvider time, bool retryAfter = false) : IResult
{
    /// <summary>How much may come after the answer.</summary>
    public const long MaxBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        // Without its end, the connection is of no more use. HTTP/2 ends the stream alone.
        if (HttpProtocol.IsHttp11(httpContext.Request.Protocol) || HttpProtocol.IsHttp10(httpContext.Request.Protocol))
            httpContext.Response.Headers.Connection = "close";
        if (retryAfter)
            httpContext.Response.Headers.RetryAfter = "1";
        await answer.ExecuteAsync(httpContext);
        await httpContext.Response.CompleteAsync();

        using var deadline = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, httpContext.RequestAborted);
        try
        {
            var body = httpContext.Request.BodyReader;
            for (var total = 0L; total <= MaxBytes;)
            {
                var read = await BodyPipe.ReadAsync(body, either.Token);
                total += read.Buffer.Length;
                body.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }
        catch (Exception e) when (e is BadHttpRequestException or OperationCanceledException or IOException)
        {
            // The answer is on its way; how the body ends changes nothing.
        }
    }
}
