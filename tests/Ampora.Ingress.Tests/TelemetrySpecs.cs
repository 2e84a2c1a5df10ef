using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net.Http.Json;
using System.Text.Json;
using Ampora.Database;
using Ampora.Hosting.Telemetry;
using Ampora.TestServers;

namespace Ampora.Ingress.Tests;

public sealed class TelemetrySpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_trace_of_a_webhook_goes_on_in_the_message_and_its_span_names_the_delivery()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        using var spans = new CapturedSpans();
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        const string trace = "0af7651916cd43dd8448eb211c80319c";

        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/git/webhook/fleet");
        request.Headers.Add(TestIngress.TokenHeader, token);
        request.Headers.Add("traceparent", $"00-{trace}-b7ad6b7169203331-01");
        using var answer = await ingress.Client.SendAsync(request, Cancellation);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation);

        await Eventually.HoldsAsync(() => ingress.Received.Wakeups.Any(w => w.Trace == trace), "the message carries the trace");
        await Eventually.HoldsAsync(
            () => spans.Spans.Any(s => s.TraceId.ToString() == trace && s.GetTagItem("ampora.delivery_id") as string == body.GetProperty("deliveryId").GetString()),
            "the request's span names the delivery");
    }

    [Fact]
    public async Task Webhooks_are_counted_by_provider_and_verdict()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var token = await store.AddSourceAsync("fleet");
        var paused = await store.AddSourceAsync("paused", paused: true);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var counts = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument is { Name: "ampora_webhook_deliveries_total", Meter.Name: AmporaMetrics.Name })
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            var labels = tags.ToArray().ToDictionary(t => t.Key, t => t.Value);
            Assert.Equal(["provider", "verdict"], labels.Keys.Order());
            counts.AddOrUpdate($"{labels["provider"]} {labels["verdict"]}", value, (_, sum) => sum + value);
        });
        listener.Start();

        (await ingress.PostAsync("fleet", token)).Dispose();
        (await ingress.PostAsync("fleet", token)).Dispose();
        (await ingress.PostAsync("paused", paused)).Dispose();
        (await ingress.PostAsync("fleet", "wrong")).Dispose();

        // The instrument is the process's: other tests may count beside.
        Assert.InRange(counts["token accepted"], 2, long.MaxValue);
        Assert.InRange(counts["token ignored"], 1, long.MaxValue);
        Assert.InRange(counts["token refused"], 1, long.MaxValue);
    }
}
