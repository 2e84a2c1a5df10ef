using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ampora.Hosting.Http;

/// <summary>
/// Turns an error that nobody handled into an empty answer, which tells the caller nothing of the inside. It stands twice in the
/// pipeline: outermost, and within the framework's own page for developers, which would show the error to whoever asks.
/// </summary>
internal sealed partial class UnhandledErrors(RequestDelegate next, ILogger<UnhandledErrors> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to answer.
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            // Kestrel's and the binder's own refusals: 400, 408, 413. The message may quote the request.
            context.Response.Clear();
            context.Response.StatusCode = e.StatusCode;
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            Log.Unhandled(logger, context.Request.Method, context.Request.Path, e);
            context.Response.Clear();
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Error, "{Method} {Path} failed")]
        public static partial void Unhandled(ILogger logger, string method, PathString path, Exception exception);
    }
}
