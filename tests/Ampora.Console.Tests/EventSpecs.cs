using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ampora.Console.Events;
using Ampora.Database;
using Ampora.Store;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class EventSpecs(Consoles consoles)
{
    // Generous: a stream that works delivers within a second.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Runs_and_changes_of_a_source_arrive_as_they_are_shown_elsewhere(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = TestConsole.Unique("s");
        await using var stream = await EventStream.OpenAsync(console.Admin, $"/api/events?source={id}");
        await console.Admin.SendJsonAsync(HttpMethod.Post, "/api/git/sources", new { id, url = "https://git.example.com/x.git" });
        var created = await stream.NextAsync();
        Assert.Equal(("source", id, "created"), (created.Kind, created.Data.Text("id"), created.Data.Text("change")));
        Assert.Equal($"{console.Address}api/git/webhook/{id}", created.Data["webhook"]!.Text("url"));

        await console.SweepAsync(id);
        var run = await stream.NextAsync();
        Assert.Equal("run", run.Kind);
        Assert.True(run.Id > created.Id);
        var shown = await console.Admin.GetJsonAsync($"/api/git/runs/{run.Data.Text("runId")}");
        // The audit's number comes later.
        shown.AsObject().Remove("auditId");
        run.Data.AsObject().Remove("auditId");
        Assert.True(JsonNode.DeepEquals(shown, run.Data));

        await console.Admin.SendJsonAsync(HttpMethod.Delete, $"/api/git/sources/{id}");
        JsonNode last;
        do
            last = (await stream.NextAsync()).Data;
        while (last["change"]?.GetValue<string>() != "deleted");
        Assert.Equal(id, last.Text("id"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_stream_that_breaks_off_resumes_without_a_gap_while_many_commit(DatabaseDialect dialect)
    {
        const int writers = 4;
        const int changes = 25;
        var console = await consoles.OnAsync(dialect);
        var batch = TestConsole.Unique("b");
        var ids = new List<string>();
        for (var i = 0; i < writers; i++)
            ids.Add(await console.CreateSourceAsync(labels: new { batch }));
        await using var context = console.Store.Read();
        var begin = await context.Events.MaxAsync(e => e.Sequence, Stop);
        var writing = Task.WhenAll(ids.Select(async id =>
        {
            for (var i = 0; i < changes; i++)
                await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = $"{i}" });
        }));

        var seen = new List<long>();
        var last = begin;
        while (seen.Count < writers * changes)
        {
            // Each time a few events, then the connection breaks.
            await using var stream = await EventStream.OpenAsync(console.Admin, $"/api/events?label=batch={batch}", last);
            for (var i = 0; i < 7 && seen.Count < writers * changes; i++)
            {
                last = (await stream.NextAsync()).Id;
                seen.Add(last);
            }
        }

        await writing;
        var committed = await context.Events.Where(e => e.Sequence > begin && ids.Contains(e.SourceId)).OrderBy(e => e.Sequence).Select(e => e.Sequence).ToListAsync(Stop);
        Assert.Equal(committed, seen);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_stream_that_resumes_after_an_event_which_the_process_has_not_read_yet_does_not_repeat_it(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        // Somebody listens, so that the process reads on from where it is instead of looking where the stream's end is now.
        await using var other = await EventStream.OpenAsync(console.Admin, "/api/events");
        await using var context = console.Store.Read();
        for (var i = 0; i < 5; i++)
        {
            await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = $"before-{i}" });
            var newest = await context.Events.Where(e => e.SourceId == id).MaxAsync(e => e.Sequence, Stop);
            await using var stream = await EventStream.OpenAsync(console.Admin, $"/api/events?source={id}", newest);
            await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = $"after-{i}" });
            Assert.True((await stream.NextAsync()).Id > newest);
        }
    }

    [Fact]
    public async Task Many_listeners_see_the_same_each_within_its_rights()
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var team = TestConsole.Unique("team");
        var mine = await console.CreateSourceAsync(labels: new { team });
        var others = await console.CreateSourceAsync();
        var limited = new[] { await console.ClientAsync("viewer", sources: [mine]), await console.ClientAsync("viewer", labels: new { team }), console.Admin };
        var streams = new List<EventStream>();
        foreach (var client in limited)
            streams.Add(await EventStream.OpenAsync(client, client == console.Admin ? $"/api/events?label=team={team}" : "/api/events"));
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{others}", new { owner = "unseen" });
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{mine}", new { owner = "seen" });
        foreach (var stream in streams)
        {
            // A process reads events a moment after their commit: that the source was created may be in the stream too.
            string? owner;
            do
            {
                var seen = (await stream.NextAsync()).Data;
                Assert.Equal(mine, seen.Text("id"));
                owner = seen["owner"]?.GetValue<string>();
            }
            while (owner != "seen");
            await stream.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_stream_ends_when_the_process_stops_and_begins_with_its_headers()
    {
        var console = await TestConsole.StartAsync(await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite));
        await using var stream = await EventStream.OpenAsync(console.Admin, "/api/events");
        Assert.Equal("text/event-stream", stream.ContentType);
        var stopping = console.DisposeAsync().AsTask();
        Assert.True(await stream.EndsAsync());
        await stopping.WaitAsync(Patience, Stop);
    }

    [Fact]
    public async Task A_client_that_is_too_slow_is_closed_and_finds_the_rest_by_its_last_event()
    {
        const int events = 600;
        await using var console = await TestConsole.StartAsync(await consoles.CreateDatabaseAsync(DatabaseDialect.Sqlite));
        var id = await console.CreateSourceAsync();
        var tail = console.Services.GetRequiredService<EventTail>();
        await using var listener = await tail.ListenAsync(Stop);
        var begin = listener!.Position;
        await console.Store.WriteAsync(
            async (context, stop) =>
            {
                for (var i = 0; i < events; i++)
                    await StoreJournal.AddSourceEventAsync(context, id, "changed", stop);
                await context.SaveChangesAsync(stop);
            },
            Stop);
        // Nobody reads until all of it has been offered.
        for (var attempt = 0; ; attempt++)
        {
            await using var other = await tail.ListenAsync(Stop);
            if (other!.Position == begin + events)
                break;
            Assert.True(attempt < 300, "The events were not read.");
            await Task.Delay(100, Stop);
        }

        var seen = new List<long>();
        using var patience = new CancellationTokenSource(Patience);
        await foreach (var item in listener.Items.ReadAllAsync(patience.Token))
            seen.Add(item.Sequence);
        Assert.InRange(seen.Count, 1, events - 1);

        while (await tail.ReadAsync(seen[^1], long.MaxValue, Stop) is { Count: > 0 } missed)
            seen.AddRange(missed.Select(item => item.Sequence));
        Assert.Equal(Enumerable.Range(1, events).Select(i => begin + i), seen);
    }

    [Theory]
    [InlineData("source=A%20B")]
    [InlineData("label=%00")]
    public async Task A_bad_filter_is_refused(string query)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Sqlite);
        await console.Admin.RefusedAsync(400, "invalid_query", HttpMethod.Get, $"/api/events?{query}");
        await console.Admin.RefusedAsync(400, "invalid_query", HttpMethod.Get, "/api/events", null, ("Last-Event-ID", "x"));
    }

    private sealed class EventStream(HttpResponseMessage response, StreamReader reader) : IAsyncDisposable
    {
        public string ContentType => response.Content.Headers.ContentType!.ToString();

        public static async Task<EventStream> OpenAsync(HttpClient client, string path, long? lastEventId = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (lastEventId is { } id)
                request.Headers.Add("Last-Event-ID", id.ToString(CultureInfo.InvariantCulture));
            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            return new EventStream(response, new StreamReader(await response.Content.ReadAsStreamAsync(Stop)));
        }

        public async Task<(long Id, string Kind, JsonNode Data)> NextAsync()
        {
            var (id, kind, data) = (0L, "", "");
            while (true)
            {
                var line = await reader.ReadLineAsync(Stop).AsTask().WaitAsync(Patience, Stop) ?? throw new EndOfStreamException("The stream ended.");
                if (line.StartsWith("id: ", StringComparison.Ordinal))
                    id = long.Parse(line.AsSpan(4), CultureInfo.InvariantCulture);
                else if (line.StartsWith("event: ", StringComparison.Ordinal))
                    kind = line[7..];
                else if (line.StartsWith("data: ", StringComparison.Ordinal))
                    data = line[6..];
                else if (line.Length == 0 && data.Length > 0)
                    return (id, kind, JsonNode.Parse(data)!);
            }
        }

        public async Task<bool> EndsAsync()
        {
            try
            {
                while (await reader.ReadLineAsync(Stop).AsTask().WaitAsync(Patience, Stop) is not null)
                {
                    // What was sent before the end.
                }
            }
            catch (Exception e) when (e is IOException or HttpIOException)
            {
                // Broken off, which is an end too.
            }

            return true;
        }

        public ValueTask DisposeAsync()
        {
            reader.Dispose();
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
