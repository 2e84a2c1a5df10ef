using System.Diagnostics;
using System.Text.Json.Nodes;
using Ampora.Deployments;

namespace Ampora.Benchmarks;

/// <summary>How long a push takes to become a run, from the webhook as it is sent to the run as the API shows it.</summary>
internal static class WebhookBenchmark
{
    private const int WarmUps = 20;
    private const int Pushes = 200;

    // "Well under a second".
    private const double MedianMilliseconds = 500;
    private const double LongestMilliseconds = 1000;

    public static async Task RunAsync(Report report, Deployment deployment)
    {
        report.Title($"Webhook sent to run visible, {Pushes} pushes, one after another");
        var source = await deployment.WatchAsync();
        var timings = new Timings();
        for (var push = 0; push < WarmUps + Pushes; push++)
        {
            var sha = await source.Repository.CommitAsync(($"apps/{push % 7}/values.yaml", $"value: {push}\n"));
            var sent = Stopwatch.GetTimestamp();
            using (await source.SendWebhookAsync())
            {
                while (Newest(await deployment.GetAsync($"/api/git/sources/{source.Id}/runs?limit=1")) != sha)
                    await Task.Delay(2);
            }

            if (push >= WarmUps)
                timings.Add(Stopwatch.GetElapsedTime(sent));
        }

        report.Limit("p50", timings.Median, MedianMilliseconds, "ms");
        report.Limit("p99", timings.Percentile(99), LongestMilliseconds, "ms");
    }

    private static string? Newest(JsonNode runs) => runs["items"]!.AsArray().FirstOrDefault()?["sha"]?.GetValue<string>();
}
