using System.Text.Json;
using Ampora.Hosting.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Management;

/// <summary>
/// Answers the management port, and nothing else there; and the two words of health that anybody may know on the public port.
/// </summary>
internal sealed class ManagementPort(RequestDelegate next, HealthCheckService health, MetricsCollector metrics, Draining draining)
{
    /// <summary>The tag of the checks that decide whether a service takes traffic.</summary>
    public const string ReadyTag = "ready";

    public Task InvokeAsync(HttpContext context)
    {
        var management = context.Features.Get<ManagementConnection>() is not null;
        var read = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var path = context.Request.Path.Value;
        return path switch
        {
            "/healthz/live" when read => WordAsync(context, true, "live"),
            // The management port is asked by those who watch, the other by those who balance.
            "/healthz/ready" when read => ReadyAsync(context, asksToBalance: !management),
            "/healthz" when read && management => DetailAsync(context),
            "/metrics" when read && management => MetricsAsync(context),
            _ when management => NotFoundAsync(context, read),
            _ => next(context),
        };
    }

    private async Task ReadyAsync(HttpContext context, bool asksToBalance)
    {
        if (asksToBalance)
            draining.Asked();
        var report = await health.CheckHealthAsync(check => check.Tags.Contains(ReadyTag), context.RequestAborted);
        await WordAsync(context, report.Status != HealthStatus.Unhealthy, report.Status == HealthStatus.Unhealthy ? "unready" : "ready");
    }

    private async Task DetailAsync(HttpContext context)
    {
        var report = await health.CheckHealthAsync(context.RequestAborted);
        context.Response.StatusCode = report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(JsonSerializer.Serialize(new
        {
            Status = report.Status.ToString().ToLowerInvariant(),
            Checks = report.Entries.OrderBy(e => e.Key, StringComparer.Ordinal).ToDictionary(e => e.Key, e => new
            {
                Status = e.Value.Status.ToString().ToLowerInvariant(),
                Detail = Detail(e.Value),
                Ready = e.Value.Tags.Contains(ReadyTag),
                Milliseconds = (long)e.Value.Duration.TotalMilliseconds,
            }),
        }, JsonSerializerOptions.Web), context.RequestAborted);
    }

    // What a check says, but not what an exception does, which the framework puts in its place: a driver's message may quote a connection string.
    private static string? Detail(HealthReportEntry entry) =>
        entry.Exception is { } e && (entry.Description is null || entry.Description == e.Message) ? e.GetType().Name : entry.Description;

    private Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = MetricsCollector.ContentType;
        return context.Response.WriteAsync(metrics.Write(), context.RequestAborted);
    }

    private static Task WordAsync(HttpContext context, bool well, string word)
    {
        context.Response.StatusCode = well ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "text/plain";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsync(word, context.RequestAborted);
    }

    private static Task NotFoundAsync(HttpContext context, bool read)
    {
        context.Response.StatusCode = read ? StatusCodes.Status404NotFound : StatusCodes.Status405MethodNotAllowed;
        return Task.CompletedTask;
    }
}
