using System.Globalization;
using Ampora.Deployments;
using Ampora.TestServers;
using Npgsql;

namespace Ampora.Chaos.Hosts;

/// <summary>Webhooks come faster than checks can be made: nothing falls over, nothing is lost, and what is too much is told to come back.</summary>
public sealed class Overload(OverloadedDeployment deployment) : IClassFixture<OverloadedDeployment>
{
    private const int Sources = 200;

    // Each a check of which many more are asked for than can be made in that time.
    private static readonly TimeSpan SlowHost = TimeSpan.FromMilliseconds(300);

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(60);

    // Longer than a webhook waits for its commit, and shorter than the broker's and the leases' patience.
    private static readonly TimeSpan DatabaseAway = TimeSpan.FromSeconds(4);

    // A service takes 100 to 250 MB at rest, with a heap that the collector has no reason to keep small.
    private const long MaxBytes = 768L * 1024 * 1024;

    // Four a second, and those that a quiet period's end and a lag add.
    private const double ChecksPerSecond = 4.5;

    [Fact(Explicit = true)]
    public async Task Overload_webhooks_come_faster_than_checks_can_be_made()
    {
        var output = TestContext.Current.TestOutputHelper!;
        var sources = new WatchedSource[Sources];
        await Parallel.ForAsync(0, Sources, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => sources[i] = await deployment.AddAsync(id: $"flooded-{i}"));
        foreach (var source in sources)
            await source.WaitForTipAsync(seconds: 300);
        foreach (var source in sources)
        {
            source.Repository.Delay = SlowHost;
            source.Repository.ForgetRequests();
        }

        using var flood = new Flood(deployment, sources);
        var began = TimeProvider.System.GetTimestamp();
        var floodTime = TimeSpan.Zero;
        await Scenario.RunAsync(
            deployment,
            async context =>
            {
                using var until = new CancellationTokenSource(Time);
                var flooding = flood.RunAsync(until.Token);
                await Task.Delay(Time / 3, Deployment.Token);
                // One new tip each for some of them, in the middle of it.
                foreach (var source in sources.Take(Sources / 10))
                    await source.Repository.CommitAsync(("pushed", "once"));
                await Task.Delay(Time / 6, Deployment.Token);
                context.Journal.Faulted("pause", "database", $"{DatabaseAway.TotalSeconds} s under a flood");
                deployment.Database.Pause();
                await Task.Delay(DatabaseAway, Deployment.Token);
                deployment.Database.Resume();
                await flooding;
                floodTime = TimeProvider.System.GetElapsedTime(began);
            },
            pushesPerSecond: 2,
            acts: false);

        foreach (var (answer, count) in flood.Answers.OrderBy(a => a.Key, StringComparer.Ordinal))
            output.WriteLine($"{answer}: {count} ({count / Time.TotalSeconds:0}/s)");
        output.WriteLine($"answers to honest senders: p50 {flood.Percentile(0.5):0} ms, p99 {flood.Percentile(0.99):0} ms");
        var peaks = deployment.Running.Select(process => (process.Service, Bytes: PeakOf(process.Id))).ToList();
        foreach (var (service, bytes) in peaks)
            output.WriteLine($"{service}: at most {bytes / 1_000_000} MB");

        Assert.All(flood.Answers.Keys, answer => Assert.Contains(answer, (string[])["honest 202", "honest 503", "stranger 401", "stranger 503"]));
        Assert.True(flood.Answers["honest 202"] > Sources);
        Assert.True(flood.Answers["stranger 401"] > Sources);
        Assert.All(peaks, peak => Assert.True(peak.Bytes < MaxBytes, $"{peak.Service} had {peak.Bytes} bytes in memory"));

        await AreSettledAsync(flood.Acknowledged);
        var wall = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        for (var i = 0; i < Sources; i++)
        {
            // The first tip, and the one that was pushed: N wake-ups for one tip are one run.
            Assert.Equal(i < Sources / 10 ? 2 : 1, (await sources[i].RunsAsync()).Count);
            Assert.InRange(sources[i].Repository.Count(GitRequestKind.LsRefs), 0, (int)(wall * ChecksPerSecond));
        }

        output.WriteLine($"checks of one source: at most {sources.Max(s => s.Repository.Count(GitRequestKind.LsRefs)) / floodTime.TotalSeconds:0.##} a second");
    }

    // As the kernel remembers it.
    private static long PeakOf(int process)
    {
        const string name = "VmHWM:";
        var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line[name.Length..^2].Trim(), CultureInfo.InvariantCulture);
    }

    // Each 202 is in the ledger, and has become something.
    private async Task AreSettledAsync(IReadOnlyCollection<string> acknowledged)
    {
        var ids = acknowledged.ToArray();
        Assert.Equal(ids.Length, ids.Distinct().Count());
        await using var store = NpgsqlDataSource.Create(deployment.StoreAddress);
        await deployment.EventuallyAsync(
            async () =>
            {
                await using var command = store.CreateCommand("SELECT count(*) FROM deliveries WHERE id = ANY($1) AND result <> 'pending'");
                command.Parameters.AddWithValue(ids);
                return (long)(await command.ExecuteScalarAsync(Deployment.Token))! == ids.Length ? "settled" : null;
            },
            $"all {ids.Length} deliveries that were answered 202 are in the ledger and settled",
            300);
    }
}

/// <summary>Keeps the whole ledger, so that each delivery can be looked for.</summary>
public sealed class OverloadedDeployment : ChaosDeployment
{
    /// <summary>The processes of all services.</summary>
    public IReadOnlyList<ServiceProcess> Running => Processes;

    protected override IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
    {
        ["Ampora__Retention__DeliveriesPerSource"] = "1000000",
    };
}
