using System.Text.Json.Nodes;
using Ampora.Deployments;

namespace Ampora.Chaos.Lifecycle;

/// <summary>Standalone on SQLite is killed again and again under load.</summary>
public sealed class StandaloneKills(StandaloneDeployment deployment) : IClassFixture<StandaloneDeployment>
{
    // What is cut back after a checkpoint, and what one transaction may add.
    private const long MaxLogBytes = 96L * 1024 * 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Lifecycle_a_standalone_that_is_killed_again_and_again_loses_nothing()
    {
        var journal = new Journal();
        var load = await Workload.StartAsync(deployment, journal, sources: 4, pushesPerSecond: 4, seed: 1);
        var random = new Random(1);
        for (var i = 0; i < 8; i++)
        {
            await Task.Delay(random.Next(300, 4000), Token);
            await deployment.Process.KillAsync();
            // The folder's lock has gone with the process.
            deployment.Process.Start();
            await deployment.WaitUntilReadyAsync(240);
            Assert.All(deployment.Data.EnumerateFiles("*-wal"), log => Assert.True(log.Length < MaxLogBytes, $"{log.Name} has {log.Length} bytes"));
        }

        await load.StopAsync();
        foreach (var source in load.Sources)
        {
            await deployment.EventuallyAsync(async () => await IsSettledAsync(journal, source) ? "settled" : null, $"{source.Id} is at its tip, and all of it is recorded", 60);
            var runs = await source.Watched.RunsAsync();
            string? tip = null;
            foreach (var run in runs.Reverse().Where(r => r["outcome"]!.GetValue<string>() == "succeeded"))
            {
                Assert.Equal(tip, run["previousSha"]?.GetValue<string>());
                tip = run["sha"]!.GetValue<string>();
            }

            var ledger = (await source.Watched.DeliveriesAsync()).Select(d => d["deliveryId"]!.GetValue<string>()).ToHashSet();
            Assert.All(journal.Webhooks.Where(w => w.Source == source.Id && w.Status == 202), w => Assert.Contains(w.DeliveryId!, ledger));
            Assert.All(journal.Webhooks, w => Assert.True(w.Status is null or 202 or 503, $"{w.Status} {w.Detail}"));
        }

        Assert.True((await deployment.GetAsync("/api/audit/verify"))["ok"]!.GetValue<bool>());
        var recorded = (await deployment.Api.GetStringAsync("/api/audit/export", Token)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!["runId"]?.GetValue<string>()).OfType<string>().ToList();
        Assert.Equal(recorded.Distinct().Count(), recorded.Count);
        Assert.Equal(0, await deployment.Process.StopAsync());
        deployment.Process.Start();
        await deployment.WaitUntilReadyAsync(240);
    }

    [Fact(Explicit = true)]
    public async Task Backup_a_standalone_whose_folder_was_restored_checks_its_sources_anew()
    {
        var source = await deployment.WatchAsync();
        var environment = new Dictionary<string, string> { ["AMPORA_DATA"] = deployment.Data.FullName };
        var folder = Directory.CreateTempSubdirectory("ampora-backup-");
        try
        {
            // An old mark: the backup is of another run of the process.
            Assert.Equal(0, await deployment.Process.StopAsync());
            await DocumentedCommands.RunAsync([.. DocumentedCommands.Of("Backup", "mkdir"), .. DocumentedCommands.Of("Backup", "$AMPORA_DATA", "cp ")], folder.FullName, environment);
            deployment.Process.Start();
            await deployment.WaitUntilReadyAsync(240);
            var lost = await source.Repository.CommitAsync(("lost", "1"));
            await source.WakeAsync();
            await source.WaitForRunAsync(lost);
            Assert.Equal(0, await deployment.Process.StopAsync());

            await DocumentedCommands.RunAsync(
                [.. DocumentedCommands.Of("Restoring", "rm -f"), .. DocumentedCommands.Of("Restoring", "cp backup/")], folder.FullName, environment);
            deployment.Process.Start();
            await deployment.WaitUntilReadyAsync(240);
            var again = await source.WaitForRunAsync(lost);
            Assert.Equal("manual", again["trigger"]!.GetValue<string>());
            await deployment.EventuallyAsync(
                async () => (await deployment.GetAsync("/api/audit?action=store.restored"))["items"]!.AsArray() is { Count: 1 } ? "recorded" : null, "the restore is on record");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task<bool> IsSettledAsync(Journal journal, LoadedSource source)
    {
        var runs = await source.Watched.RunsAsync();
        return await journal.TipAsync(source.Id) == (await source.Watched.ShowAsync())["state"]!["tip"]?["sha"]?.GetValue<string>()
            && runs.All(r => r["auditId"] is not null)
            && (await source.Watched.DeliveriesAsync()).All(d => d["result"]?.GetValue<string>() != "pending");
    }
}
