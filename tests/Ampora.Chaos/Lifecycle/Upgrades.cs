using Ampora.Deployments;

namespace Ampora.Chaos.Lifecycle;

/// <summary>Processes of the release before and of this one work together over one schema, whichever comes first.</summary>
public sealed class Upgrades
{
    private static readonly string[] Services = ["ingress", "console", "scheduler", "sweeper", "audit", "gateway"];

    [Theory(Explicit = true)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lifecycle_an_upgrade_service_by_service_under_load_and_back_loses_nothing(bool lastServiceFirst)
    {
        var order = lastServiceFirst ? Services.Reverse().ToArray() : Services;
        await using var deployment = await LifecycleDeployment.PreparedAsync();
        var current = deployment.AllProcesses.ToDictionary(p => p, p => p.AssemblyFolder);
        foreach (var process in deployment.AllProcesses)
            await PreviousRelease.UseAsync(process);
        var previous = deployment.AllProcesses.ToDictionary(p => p, p => p.AssemblyFolder);
        foreach (var process in deployment.AllProcesses)
            process.Start();
        await deployment.WaitUntilReadyAsync(180);

        await Scenario.RunAsync(deployment, async context =>
        {
            await RollAsync(context, order, current);
            // For a while with all that only this release writes, and then back over its schema.
            await Task.Delay(TimeSpan.FromSeconds(3), Deployment.Token);
            await RollAsync(context, order.Reverse(), previous);
            await Task.Delay(TimeSpan.FromSeconds(3), Deployment.Token);
            await RollAsync(context, order, current);
        });
    }

    private static async Task RollAsync(ScenarioContext context, IEnumerable<string> order, Dictionary<ServiceProcess, string> release)
    {
        var deployment = (LifecycleDeployment)context.Deployment;
        foreach (var process in order.SelectMany(deployment.ProcessesOf))
        {
            context.Journal.Faulted("upgrade", process.Service, $"replica {deployment.ReplicaOf(process)}");
            // A process of the release before may need longer; how long is not the question here.
            Assert.Equal(0, await process.StopAsync());
            process.AssemblyFolder = release[process];
            process.Start();
            await deployment.WaitForAsync(process);
        }
    }
}
