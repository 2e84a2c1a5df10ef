using System.Data.Common;
using System.Globalization;
using Ampora.Database;
using Ampora.Hosting.Http;

namespace Ampora.Console.Http;

/// <summary>Answers refusals, and a database that is away, as problems.</summary>
internal sealed partial class RefusalFilter(ILogger<RefusalFilter> logger) : IEndpointFilter
{
    // Databases restart in seconds; a client that waits this long rarely asks twice.
    public const int StoreRetryAfterSeconds = 5;

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        try
        {
            return await next(context);
        }
        catch (RequestRefusedException refusal) when (!http.Response.HasStarted)
        {
            if (refusal.RetryAfter is { } wait)
                SetRetryAfter(http.Response, wait);
            return Problem.Because(refusal.Status, refusal.Code, refusal.Title, refusal.Message, refusal.Errors?.ToDictionary());
        }
        catch (CommitOutcomeUnknownException e) when (!http.Response.HasStarted)
        {
            Log.StoreUnavailable(logger, e);
            SetRetryAfter(http.Response, TimeSpan.FromSeconds(StoreRetryAfterSeconds));
            return Problem.Because(
                503, "outcome_unknown", "Outcome unknown", "The database did not confirm the change: it may have been made or not. Read it again before repeating it.");
        }
        catch (Exception e) when (IsStoreAway(e) && !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            Log.StoreUnavailable(logger, e);
            SetRetryAfter(http.Response, TimeSpan.FromSeconds(StoreRetryAfterSeconds));
            return StoreUnavailable();
        }
    }

    public static IResult StoreUnavailable() =>
        Problem.Because(503, "store_unavailable", "Database unavailable", "The database does not answer. Nothing was changed; try again in a few seconds.");

    /// <summary>Whether the database is what failed, in a way that passes; a client that broke off looks alike otherwise.</summary>
    public static bool IsStoreAway(Exception e)
    {
        var ofDatabase = false;
        for (Exception? cause = e; cause is not null && !ofDatabase; cause = cause.InnerException)
            ofDatabase = cause is DbException;
        return ofDatabase && (TransientErrors.IsTransient(e) || TransientErrors.IsConnectionLost(e));
    }

    private static void SetRetryAfter(HttpResponse response, TimeSpan wait) =>
        response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The database did not take or answer a request")]
        public static partial void StoreUnavailable(ILogger logger, Exception exception);
    }
}
