using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ampora.Console.Access;
using Ampora.Console.Http;
using Ampora.Console.Sources;

namespace Ampora.Console.Events;

/// <summary>The live view: a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).</summary>
internal static class EventsApi
{
    private const int MaxSourceFilters = 100;

    // Proxies close what is silent for a minute or less.
    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    public static void MapEvents(this IEndpointRouteBuilder api) =>
        api.MapGet("/events", StreamAsync)
            .WithTags("Events")
            .Produces<string>(200, "text/event-stream")
            .RequireAuthorization(Role.PolicyOf(Role.Viewer));

    private static async Task StreamAsync(
        string[] source, string[] label, Caller caller, EventTail tail, ApiTokenDirectory tokens, PublicAddress address, IHostApplicationLifetime lifetime,
        TimeProvider time, HttpContext http)
    {
        var filter = new Filter(caller.Scope, ReadSources(source), LabelFilter.Read(label));
        var resumeAfter = ReadLastEventId(http.Request);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        var ended = ending.Token;
        await using var listener = await tail.ListenAsync(ended) ?? throw new RequestRefusedException(
            503, "too_many_streams", "Too many event streams", $"This process serves {EventTail.MaxListeners} event streams already; close some.")
        { RetryAfter = RetryAfter };

        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        // nginx would hold events back to fill its buffer.
        http.Response.Headers["X-Accel-Buffering"] = "no";
        try
        {
            // A number that no event has yet is of another database; only "from now on" makes sense of it then. One that this process has
            // only not read yet, because another replica or the client was quicker, is where to go on.
            var last = resumeAfter is { } id && (id <= listener.Position || id <= await tail.ReadNewestAsync(ended)) ? id : listener.Position;
            await http.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $": Ampora\nid: {last}\n\n"), ended);
            await http.Response.Body.FlushAsync(ended);
            while (last < listener.Position && await tail.ReadAsync(last, listener.Position, ended) is { Count: > 0 } missed)
            {
                foreach (var item in missed)
                    await WriteAsync(http, filter, item, address, ended);
                await http.Response.Body.FlushAsync(ended);
                last = missed[^1].Sequence;
            }

            var checkedAt = time.GetTimestamp();
            while (true)
            {
                using var silence = new CancellationTokenSource(KeepAlive, time);
                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(ended, silence.Token);
                try
                {
                    if (!await listener.Items.WaitToReadAsync(waiting.Token))
                        return;
                }
                catch (OperationCanceledException) when (!ended.IsCancellationRequested)
                {
                    await http.Response.WriteAsync(": all is quiet\n\n", ended);
                }

                if (time.GetElapsedTime(checkedAt) >= KeepAlive)
                {
                    // Whose token was deleted or has expired sees no more.
                    if (await tokens.FindByIdAsync(caller.TokenId, ended) is null)
                        return;
                    checkedAt = time.GetTimestamp();
                }

                while (listener.Items.TryRead(out var item))
                {
                    if (item.Sequence > last)
                        await WriteAsync(http, filter, item, address, ended);
                }

                await http.Response.Body.FlushAsync(ended);
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The client went, or the process stops; either resumes with Last-Event-ID.
        }
        catch (Exception e) when (http.Response.HasStarted && RefusalFilter.IsStoreAway(e))
        {
            // The stream ends here, and the client resumes without a gap when the database is back.
        }
    }

    private static async Task WriteAsync(HttpContext http, Filter filter, StreamItem item, PublicAddress address, CancellationToken cancellationToken)
    {
        if (!filter.Shows(item) || DataOf(item, http.Request, address) is not { } data)
            return;
        await http.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"id: {item.Sequence}\nevent: {item.Kind}\ndata: {data}\n\n"), cancellationToken);
    }

    // JSON without line breaks: one data line.
    private static string? DataOf(StreamItem item, HttpRequest request, PublicAddress address)
    {
        if (item.Kind == "run")
            return item.RunJson;
        var json = item.Source is { } source
            ? JsonSerializer.SerializeToNode(source.For(request, address), JsonSerializerOptions.Web)!.AsObject()
            : new JsonObject { ["id"] = item.SourceId };
        json["change"] = item.Change;
        return json.ToJsonString();
    }

    private static HashSet<string>? ReadSources(string[] ids)
    {
        if (ids.Length > MaxSourceFilters)
            throw RequestRefusedException.BadQuery("source", $"may be given at most {MaxSourceFilters} times.");
        if (Array.Exists(ids, id => !SourceRules.IsSlug(id)))
            throw RequestRefusedException.BadQuery("source", "should be the id of a source.");
        return ids.Length == 0 ? null : [.. ids];
    }

    private static long? ReadLastEventId(HttpRequest request)
    {
        var text = request.Headers["Last-Event-ID"].ToString();
        if (text.Length == 0)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? id
            : throw RequestRefusedException.BadQuery("Last-Event-ID", "should be the id of an event of this stream.");
    }

    private sealed record Filter(TokenScope Scope, HashSet<string>? Sources, LabelFilter Labels)
    {
        public bool Shows(StreamItem item) =>
            (Sources is null || Sources.Contains(item.SourceId))
            && Labels.Matches(item.Source?.Labels)
            && Scope.Allows(item.SourceId, item.Source?.Labels);
    }
}
