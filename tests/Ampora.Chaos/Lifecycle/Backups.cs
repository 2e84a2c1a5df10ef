using System.Text.Json.Nodes;
using Ampora.Deployments;
using Npgsql;

namespace Ampora.Chaos.Lifecycle;

/// <summary>The two databases are restored to different points in time, with the documented commands, while Git went on.</summary>
public sealed class Backups
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory(Explicit = true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Backup_databases_restored_to_other_times_bring_every_source_to_its_tip_and_every_run_into_the_log(bool olderStore, bool olderAudit)
    {
        var folder = Directory.CreateTempSubdirectory("ampora-backup-");
        await using var deployment = await LifecycleDeployment.RunningAsync();
        try
        {
            var journal = new Journal();
            var load = await Workload.StartAsync(deployment, journal, sources: 8, pushesPerSecond: 4, seed: 1);
            await Task.Delay(TimeSpan.FromSeconds(3), Token);
            await RunAsync(deployment, folder, DocumentedCommands.Of("Backup", "pg_dump"));
            await Task.Delay(TimeSpan.FromSeconds(8), Token);
            await load.StopAsync();
            (await Checker.CheckAsync(deployment, journal)).AssertClean(deployment.Logs);
            var sequenceBefore = await ReadAsync<long>(deployment.StoreAddress, "SELECT value FROM sequences WHERE name = 'events'");
            var headBefore = await ReadAsync<long>(deployment.AuditAddress, "SELECT last_id FROM audit_head");

            foreach (var process in deployment.AllProcesses)
                await LifecycleDeployment.StopInOrderAsync(process);
            // Nobody hears of these.
            foreach (var source in load.Sources)
                await load.PushSilentlyAsync(source);
            NpgsqlConnection.ClearAllPools();
            foreach (var name in (string[])[.. olderStore ? ["store.dump"] : Array.Empty<string>(), .. olderAudit ? ["audit.dump"] : Array.Empty<string>()])
                await RunAsync(deployment, folder, DocumentedCommands.Of("Restoring", "pg_restore", name));
            foreach (var process in deployment.AllProcesses)
                process.Start();
            await deployment.WaitUntilReadyAsync(180);
            if (!olderStore)
            {
                // Polls find only some of them so soon; a store that was restored asks for all.
                foreach (var source in load.Sources)
                    await load.SendUntilAcknowledgedAsync(source, (await source.Watched.Repository.TipAsync())!);
            }

            var expected = olderStore ? await ExpectedOfRestoredStoreAsync(deployment, journal) : journal;
            var report = await Checker.CheckAsync(deployment, expected, TimeSpan.FromMinutes(olderStore ? 1.5 : 4));
            TestContext.Current.TestOutputHelper?.WriteLine(report.ToString());
            if (olderStore)
                report = report with { Unexpected = [.. report.Unexpected.Where(f => !IsOfTheLostTime(f))] };
            report.AssertClean(deployment.Logs);

            var entries = await EntriesAsync(deployment);
            Assert.Equal(olderStore ? 1 : 0, entries.Count(e => e["action"]!.GetValue<string>() == "store.restored"));
            // Where both are of one time, there is nothing that the store knows to be recorded and the log does not; but for a moment.
            if (olderAudit && !olderStore)
                Assert.Contains(entries, e => e["action"]!.GetValue<string>() == "audit.restored");
            if (olderStore)
                Assert.True(await ReadAsync<long>(deployment.StoreAddress, "SELECT value FROM sequences WHERE name = 'events'") > sequenceBefore);
            if (!olderAudit)
                Assert.True(await ReadAsync<long>(deployment.AuditAddress, "SELECT last_id FROM audit_head") > headBefore);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Of a store that was restored, what it can know: everything that was pushed, and the webhooks that are in its ledger.</summary>
    private static async Task<Journal> ExpectedOfRestoredStoreAsync(LifecycleDeployment deployment, Journal journal)
    {
        var known = (await ReadAllAsync(deployment.StoreAddress, "SELECT id FROM deliveries")).ToHashSet();
        var there = (await ReadAllAsync(deployment.StoreAddress, "SELECT id FROM sources")).ToHashSet();
        var expected = new Journal();
        foreach (var source in journal.Sources.Where(there.Contains))
            expected.Follow(source, () => journal.TipAsync(source));
        foreach (var push in journal.Pushes.Where(p => there.Contains(p.Source)))
            expected.Pushed(push.Source, push.Sha);
        foreach (var sent in journal.Webhooks.Where(w => w.DeliveryId is null || known.Contains(w.DeliveryId)))
            expected.Sent(sent);
        return expected;
    }

    private static bool IsOfTheLostTime(Finding finding) =>
        finding.Kind == Verdict.Recording && finding.What.EndsWith("which is not there", StringComparison.Ordinal);

    private static Task RunAsync(LifecycleDeployment deployment, DirectoryInfo folder, IReadOnlyList<string> commands)
    {
        var programs = Directory.EnumerateDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Last() + "/bin";
        var server = new NpgsqlConnectionStringBuilder(deployment.Database.ConnectionString);
        return DocumentedCommands.RunAsync(commands, folder.FullName, new Dictionary<string, string>
        {
            ["PATH"] = $"{programs}:{Environment.GetEnvironmentVariable("PATH")}",
            ["PGPORT"] = $"{server.Port}",
            ["PGPASSWORD"] = server.Password ?? "",
        });
    }

    private static async Task<List<JsonNode>> EntriesAsync(Deployment deployment)
    {
        var text = await deployment.Api.GetStringAsync("/api/audit/export", Token);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
    }

    private static async Task<T> ReadAsync<T>(string address, string sql)
    {
        await using var database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await using var command = database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(Token))!;
    }

    private static async Task<List<string>> ReadAllAsync(string address, string sql)
    {
        await using var database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await using var command = database.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(Token);
        var read = new List<string>();
        while (await reader.ReadAsync(Token))
            read.Add(reader.GetString(0));
        return read;
    }
}
