using System.Diagnostics;
using System.Text.Json.Nodes;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Benchmarks;

/// <summary>Many sources that are well, pushed to again and again, and the time from each webhook to its run.</summary>
internal sealed class HealthySources
{
    // Synced at once at the start.
    private const int AtOnce = 16;

    // For the first sync of all of them, on a machine that does other things too.
    private const int Patience = 300;

    // Polled besides, as sources are; rarely enough that most pushes are found by their webhooks.
    private const int PollSeconds = 300;

    private readonly Deployment _deployment;
    private readonly List<WatchedSource> _sources = [];
    private int _next;

    private HealthySources(Deployment deployment) => _deployment = deployment;

    public static async Task<HealthySources> CreateAsync(Deployment deployment, GitHttpServer host, string name, int count)
    {
        var healthy = new HealthySources(deployment);
        var first = host.CreateRepository($"{name}/0");
        await first.CommitAsync(("README.md", $"# {name}\n"));
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
        {
            var repository = i == 0 ? first : host.Serve($"{name}/{i}", Copy(first.FolderPath, i));
            var source = await deployment.AddAsync(PollSeconds, $"{name}-{i}", repository);
            lock (healthy._sources)
                healthy._sources.Add(source);
        });
        foreach (var source in healthy._sources)
            await source.WaitForTipAsync(Patience);
        return healthy;
    }

    /// <summary>Pushes and sends webhooks, one after the other, for so long.</summary>
    /// <param name="timings">Where each push's time from webhook to run goes.</param>
    /// <param name="until">Ends it, after the push in hand.</param>
    public async Task PushAsync(Timings timings, CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            WatchedSource source;
            lock (_sources)
                source = _sources[_next++ % _sources.Count];
            var sha = await source.Repository.CommitAsync(("apps/values.yaml", $"value: {Guid.NewGuid()}\n"));
            var sent = Stopwatch.GetTimestamp();
            using (var answer = await source.SendWebhookAsync())
                answer.EnsureSuccessStatusCode();
            while (Newest(await _deployment.GetAsync($"/api/git/sources/{source.Id}/runs?limit=1")) != sha)
                await Task.Delay(5, CancellationToken.None);
            lock (timings)
                timings.Add(Stopwatch.GetElapsedTime(sent));
        }
    }

    private static string? Newest(JsonNode runs) => runs["items"]!.AsArray().FirstOrDefault()?["sha"]?.GetValue<string>();

    private static string Copy(string folder, int number)
    {
        var copy = $"{folder}-{number}";
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(copy, Path.GetRelativePath(folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        // Empty, and a repository has it all the same.
        Directory.CreateDirectory(Path.Combine(copy, "refs", "heads"));
        return copy;
    }
}
