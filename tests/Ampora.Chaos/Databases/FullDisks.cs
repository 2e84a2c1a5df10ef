using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Ampora.Deployments;
using Npgsql;

namespace Ampora.Chaos.Databases;

/// <summary>Row 11: a disk that is full while something is stored.</summary>
public sealed class FullDisks
{
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(8);

    [Fact(Explicit = true)]
    public async Task Fault11_the_databases_disk_is_full()
    {
        await using var deployment = await ChaosDeployment.StartedAsync(new SmallDatabase());
        await Scenario.RunAsync(deployment, async context =>
        {
            context.Journal.Faulted("fill", "database", $"{Lasting}");
            await deployment.Disk.KeepFullAsync(Lasting);
            // PostgreSQL ends when it cannot write its log; whoever runs it starts it again.
            if (!await IsServingAsync(deployment))
                await deployment.Database.RelaunchAsync(cancellationToken: Deployment.Token);
            // Each shows everything that it says it has.
            await AssertWholeAsync(deployment, context.Load);
        });
    }

    [Fact(Explicit = true)]
    public async Task Fault11_the_sweepers_disk_is_full()
    {
        await using var deployment = await ChaosDeployment.StartedAsync(new SmallCaches());
        await Scenario.RunAsync(deployment, async context =>
        {
            context.Journal.Faulted("fill", "sweeper", $"{Lasting}");
            await deployment.Disk.KeepFullAsync(Lasting);
        });
        // What failed fetches left is gone once everything has been fetched.
        Assert.Equal([], Directory.EnumerateFileSystemEntries(deployment.Disk.Path, "*", SearchOption.AllDirectories)
            .Where(path => path.EndsWith(".scratch", StringComparison.Ordinal) || Path.GetFileName(path).StartsWith("tmp_", StringComparison.Ordinal)));
    }

    [Fact(Explicit = true)]
    public async Task Fault11_the_one_disk_of_a_standalone_is_full()
    {
        using var disk = new SmallDisk(96);
        await using var deployment = new SmallStandalone(disk.Path);
        await deployment.InitializeAsync();
        var journal = new Journal();
        var load = await Workload.StartAsync(deployment, journal, sources: 4, pushesPerSecond: 2, acts: false);
        await Task.Delay(TimeSpan.FromSeconds(3), Deployment.Token);
        journal.Faulted("fill", "standalone", $"{Lasting}");
        // More than what SQLite's log may have left from before: storing it has to fail.
        var large = load.Sources[0];
        var filling = disk.KeepFullAsync(Lasting);
        var sending = load.SendUntilAcknowledgedAsync(large, await CommitLargeAsync(large));
        await filling;
        await Task.Delay(TimeSpan.FromSeconds(3), Deployment.Token);
        await sending;
        await load.StopAsync();

        foreach (var source in load.Sources)
        {
            var tip = (await source.Watched.Repository.TipAsync())!;
            await deployment.EventuallyAsync(
                async () => Text(await deployment.GetAsync($"/api/git/sources/{source.Id}"), "state", "tip", "sha") == tip ? tip : null, $"{source.Id} is at {tip}", 180);
        }

        Assert.All(journal.Webhooks, w => Assert.True(w.Status is 202 or null || (w.Status == 503 && w.RetryAfter), $"{w}"));
        var runs = (await deployment.GetAsync($"/api/git/sources/{large.Id}/runs"))["items"]!.AsArray();
        Assert.True(runs.Any(r => Text(r!, "outcome") == "failed") || journal.Webhooks.Any(w => w.Status != 202), "nobody met the full disk");
        await AssertWholeAsync(deployment, load);
    }

    private static async Task<string> CommitLargeAsync(LoadedSource source)
    {
        await source.Pushing.WaitAsync(Deployment.Token);
        try
        {
            var sha = await source.Watched.Repository.CommitAsync(("large", Convert.ToBase64String(RandomNumberGenerator.GetBytes(8 << 20))));
            source.Pushed.Add(sha);
            return sha;
        }
        finally
        {
            source.Pushing.Release();
        }
    }

    private static async Task<bool> IsServingAsync(ChaosDeployment deployment)
    {
        try
        {
            await deployment.Database.ExecuteAsync("CREATE TABLE full_once (n int)", Deployment.Token);
            await deployment.Database.ExecuteAsync("DROP TABLE full_once", Deployment.Token);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    // An archive has every file of a snapshot; one that lacks a part breaks.
    private static async Task AssertWholeAsync(Deployment deployment, Workload load)
    {
        await deployment.WaitUntilReadyAsync(120);
        foreach (var source in load.Sources)
        {
            var shown = (await deployment.GetAsync($"/api/git/sources/{source.Id}/snapshots"))["items"]!.AsArray();
            Assert.NotEmpty(shown);
            foreach (var sha in shown.Select(s => s!["sha"]!.GetValue<string>()).Distinct())
            {
                using var response = await deployment.Api.GetAsync($"/api/git/sources/{source.Id}/snapshots/{sha}/archive.tar.gz", Deployment.Token);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                await using var archive = new TarReader(new GZipStream(await response.Content.ReadAsStreamAsync(Deployment.Token), CompressionMode.Decompress));
                var files = 0;
                while (await archive.GetNextEntryAsync(cancellationToken: Deployment.Token) is not null)
                    files++;
                Assert.True(files > 0, $"{source.Id} shows nothing at {sha}");
            }
        }
    }

    private static string? Text(JsonNode node, params string[] path) => path.Aggregate((JsonNode?)node, (at, name) => at?[name])?.GetValue<string>();

    private sealed class SmallDatabase : ChaosDeployment
    {
        public SmallDisk Disk { get; } = new(320);

        protected override string? DatabaseFolder => Disk.Path;

        protected override IReadOnlyDictionary<string, string>? DatabaseSettings { get; } = new Dictionary<string, string>
        {
            ["max_wal_size"] = "64MB",
            ["min_wal_size"] = "32MB",
        };

        protected override async Task StopServersAsync()
        {
            await base.StopServersAsync();
            Disk.Dispose();
        }
    }

    private sealed class SmallCaches : ChaosDeployment
    {
        public SmallDisk Disk { get; } = new(64);

        protected override IReadOnlyDictionary<string, string?> SettingsOf(string service, int replica) => service == "sweeper"
            ? new Dictionary<string, string?> { ["Ampora__Git__CacheFolder"] = Path.Combine(Disk.Path, $"{replica}") }
            : base.SettingsOf(service, replica);

        protected override async Task StopServersAsync()
        {
            await base.StopServersAsync();
            Disk.Dispose();
        }
    }

    private sealed class SmallStandalone(string folder) : StandaloneDeployment
    {
        protected override string DataFolder => folder;
    }
}
