using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ampora.Hosting.Management;
using Ampora.Hosting.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Tests.Management;

public sealed partial class ManagementSpecs
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_public_port_tells_a_word_and_the_management_port_the_detail_and_neither_answers_for_the_other()
    {
        await using var service = await ServiceUnderTest.StartAsync(
            builder => builder.Services.AddHealthChecks()
                .AddCheck("database", () => throw new InvalidOperationException("Host=db;Password=s3cret"), [ManagementPort.ReadyTag])
                .AddCheck("bus", () => HealthCheckResult.Degraded("away")),
            app => app.MapGet("/api/thing", () => "thing"));

        Assert.Equal("live", await service.Public.GetStringAsync("/healthz/live", Cancelled));
        var ready = await service.Public.GetAsync("/healthz/ready", Cancelled);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "unready"), (ready.StatusCode, await ready.Content.ReadAsStringAsync(Cancelled)));
        Assert.Equal("thing", await service.Public.GetStringAsync("/api/thing", Cancelled));
        foreach (var path in new[] { "/healthz", "/metrics" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Host = service.Management.BaseAddress!.Authority;
            Assert.Equal(HttpStatusCode.NotFound, (await service.Public.SendAsync(request, Cancelled)).StatusCode);
        }

        using var disguised = new HttpRequestMessage(HttpMethod.Get, "/api/thing");
        disguised.Headers.Host = service.Public.BaseAddress!.Authority;
        Assert.Equal(HttpStatusCode.NotFound, (await service.Management.SendAsync(disguised, Cancelled)).StatusCode);
        Assert.Equal("live", await service.Management.GetStringAsync("/healthz/live", Cancelled));
        var detail = await service.Management.GetAsync("/healthz", Cancelled);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, detail.StatusCode);
        var text = await detail.Content.ReadAsStringAsync(Cancelled);
        Assert.DoesNotContain("s3cret", text, StringComparison.Ordinal);
        var checks = JsonDocument.Parse(text).RootElement.GetProperty("checks");
        Assert.Equal(("unhealthy", true), (checks.GetProperty("database").GetProperty("status").GetString(), checks.GetProperty("database").GetProperty("ready").GetBoolean()));
        Assert.Equal(("degraded", "away"), (checks.GetProperty("bus").GetProperty("status").GetString(), checks.GetProperty("bus").GetProperty("detail").GetString()));
    }

    [Fact]
    public async Task Metrics_have_their_promised_names_and_the_text_is_what_Prometheus_reads()
    {
        await using var service = await ServiceUnderTest.StartAsync(map: app => app.MapGet("/api/thing", () => "thing"));
        await service.Public.GetStringAsync("/api/thing", Cancelled);
        AmporaMetrics.WebhookDeliveries.Add(3, new("provider", "a\"b\\c\nd"), new("verdict", "accepted"));
        AmporaMetrics.TipCheckDuration.Record(0.03);
        AmporaMetrics.OldestWakeupAge.Record(1.5);
        AmporaMetrics.OutboxAge.Record(0);
        AmporaMetrics.WakeupsWaiting.Record(7);
        AmporaMetrics.OutboxWaiting.Record(0);

        var answer = await service.Management.GetAsync("/metrics", Cancelled);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType?.MediaType);
        var families = Parse(await answer.Content.ReadAsStringAsync(Cancelled));

        foreach (var counter in new[] { "ampora_webhook_deliveries_total", "ampora_sync_runs_total", "ampora_missed_webhooks_total", "dotnet_gc_collections_total" })
            Assert.Equal("counter", families[counter].Type);
        foreach (var histogram in new[] { "ampora_webhook_to_run_seconds", "ampora_tip_check_duration_seconds", "ampora_fetch_duration_seconds", "http_server_request_duration_seconds" })
            Assert.Equal("histogram", families[histogram].Type);
        foreach (var gauge in new[] { "ampora_oldest_wakeup_age_seconds", "ampora_outbox_age_seconds", "ampora_wakeups_waiting", "ampora_outbox_waiting", "ampora_deliveries_waiting", "ampora_build_info" })
            Assert.Equal("gauge", families[gauge].Type);
        Assert.Equal(8, families["ampora_sync_runs_total"].Samples.Count);
        Assert.Contains(families["ampora_webhook_deliveries_total"].Samples, s => s.Key.Contains("""provider="a\"b\\c\nd",verdict="accepted"}""", StringComparison.Ordinal) && s.Value == 3);
        Assert.Contains(families["ampora_webhook_deliveries_total"].Samples, s => s.Key.Contains("""provider="token",verdict="refused"}""", StringComparison.Ordinal));
        Assert.Equal(1.5, families["ampora_oldest_wakeup_age_seconds"].Samples["ampora_oldest_wakeup_age_seconds"]);
        Assert.Equal(1, families["ampora_build_info"].Samples.Single().Value);

        // Buckets are cumulative and end with everything.
        var tip = families["ampora_tip_check_duration_seconds"].Samples;
        var buckets = tip.Where(s => s.Key.Contains("_bucket", StringComparison.Ordinal)).Select(s => s.Value).ToArray();
        Assert.Equal(buckets.Order(), buckets);
        Assert.Equal(tip["ampora_tip_check_duration_seconds_count"], buckets[^1]);
        Assert.True(tip["""ampora_tip_check_duration_seconds_bucket{le="0.05"}"""] > tip["""ampora_tip_check_duration_seconds_bucket{le="0.025"}"""]);
    }

    [Fact]
    public void Labels_that_somebody_else_chooses_do_not_fill_the_memory()
    {
        using var collector = new MetricsCollector();
        for (var i = 0; i < 1000; i++)
            AmporaMetrics.WebhookDeliveries.Add(1, new("provider", $"invented-{i}"), new("verdict", "refused"));
        var samples = Parse(collector.Write())["ampora_webhook_deliveries_total"].Samples;
        Assert.InRange(samples.Count, 100, 201);
        Assert.InRange(samples["""ampora_webhook_deliveries_total{overflow="true"}"""], 700, 1000);
    }

    /// <summary>Reads the text format strictly: a line that is neither a comment nor a sample fails, as does a family that comes twice.</summary>
    private static Dictionary<string, (string Type, Dictionary<string, double> Samples)> Parse(string text)
    {
        var families = new Dictionary<string, (string Type, Dictionary<string, double> Samples)>();
        var current = "";
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
                continue;
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                var words = line.Split(' ');
                current = words[2];
                families.Add(current, (words[3], []));
                continue;
            }
            var sample = Sample().Match(line);
            Assert.True(sample.Success, line);
            Assert.StartsWith(current, sample.Groups["name"].Value, StringComparison.Ordinal);
            families[current].Samples.Add(
                sample.Groups["name"].Value + sample.Groups["labels"].Value, double.Parse(sample.Groups["value"].Value.Replace("+Inf", "Infinity", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture));
        }
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        return families;
    }

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?<labels>\{[a-zA-Z_][a-zA-Z0-9_]*="(\\["\\n]|[^"\\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="(\\["\\n]|[^"\\\n])*")*\})? (?<value>[-+]?(\d+(\.\d+)?([eE][-+]?\d+)?|Inf)|NaN)$""")]
    private static partial Regex Sample();
}
