using Ampora.Deployments;
using Ampora.TestServers;
using Npgsql;

namespace Ampora.Chaos.Processes;

/// <summary>Row 8: a sweeper that sleeps through the end of its lease wakes up in somebody else's check.</summary>
public sealed class SweeperPauses(ChaosDeployment deployment) : IClassFixture<ChaosDeployment>
{
    [Fact(Explicit = true)]
    public async Task Fault08_a_sweeper_paused_past_its_lease_commits_nothing_when_it_goes_on() => await Scenario.RunAsync(
        deployment,
        async context =>
        {
            var source = context.Load.Sources[0];
            var repository = source.Watched.Repository;
            ServiceProcess holder;
            string sha;
            (string? Owner, long Fence) paused;
            using (var gate = repository.Hold(GitRequestKind.Fetch))
            {
                sha = await context.Load.PushAsync(source);
                await gate.Reached.WaitAsync(TimeSpan.FromMinutes(1), Deployment.Token);
                holder = await deployment.HolderOfAsync(source.Id);
                paused = await LeaseAsync(source.Id);
                context.Journal.Faulted("pause", "sweeper", "until another has made the run");
                await holder.SignalAsync("STOP");
                gate.Open();
            }

            // Another claims when the lease has ended, and makes the run.
            var run = await source.Watched.WaitForRunAsync(sha, seconds: 120);
            var after = await LeaseAsync(source.Id);
            Assert.True(after.Fence > paused.Fence + 1, $"the fence was {paused.Fence} under the paused claim, and is {after.Fence}");
            await holder.SignalAsync("CONT");

            // It has had its time to commit, when it has made runs of later pushes.
            for (var i = 0; i < 4; i++)
                await source.Watched.WaitForRunAsync(await context.Load.PushAsync(source), seconds: 120);
            Assert.False(holder.HasExited, holder.Output);
            var runs = (await source.Watched.RunsAsync()).Where(r => r["sha"]?.GetValue<string>() == sha).ToList();
            Assert.Equal(run["runId"]!.GetValue<string>(), Assert.Single(runs)["runId"]!.GetValue<string>());
        },
        pushesPerSecond: 0,
        acts: false);

    private async Task<(string? Owner, long Fence)> LeaseAsync(string source)
    {
        await using var store = NpgsqlDataSource.Create(deployment.StoreAddress);
        await using var command = store.CreateCommand("SELECT lease_owner, fence FROM wakeups WHERE source_id = $1");
        command.Parameters.AddWithValue(source);
        await using var reader = await command.ExecuteReaderAsync(Deployment.Token);
        Assert.True(await reader.ReadAsync(Deployment.Token));
        return (await reader.IsDBNullAsync(0, Deployment.Token) ? null : reader.GetString(0), reader.GetInt64(1));
    }
}
