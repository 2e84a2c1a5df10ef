using Ampora.Deployments;

namespace Ampora.Chaos.Lifecycle;

/// <summary>Every service is restarted, replica by replica, under load.</summary>
public sealed class Rolling
{
    [Fact(Explicit = true)]
    public async Task Lifecycle_a_rolling_restart_turns_no_webhook_away()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        var answers = new List<string>();
        await Scenario.RunAsync(
            deployment,
            async context =>
            {
                foreach (var service in (string[])["ingress", "sweeper", "scheduler", "audit", "console"])
                    await RestartAsync(context, service);
                answers.AddRange(context.Journal.Webhooks.Where(w => w.Status != 202).Select(w => $"{w.Status?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"} at {w.At:HH:mm:ss.fff}: {w.Detail}"));
            },
            pushesPerSecond: 20);
        // The sender comes again and nothing is lost, but it should not have to.
        Assert.True(answers.Count == 0, $"{answers.Count} webhooks were not answered 202: {string.Join("; ", answers)}");
    }

    [Fact(Explicit = true)]
    public async Task Lifecycle_a_restart_of_the_only_gateway_loses_nothing()
    {
        await using var deployment = await LifecycleDeployment.RunningAsync();
        await Scenario.RunAsync(deployment, context => RestartAsync(context, "gateway"), pushesPerSecond: 20);
    }

    private static async Task RestartAsync(ScenarioContext context, string service)
    {
        var deployment = (LifecycleDeployment)context.Deployment;
        foreach (var process in deployment.ProcessesOf(service))
        {
            context.Journal.Faulted("restart", service, $"replica {deployment.ReplicaOf(process)}");
            await LifecycleDeployment.StopInOrderAsync(process);
            process.Start();
            await deployment.WaitForAsync(process);
            // The gateway has to see that it is back before the next one goes, as whoever rolls a release has to wait.
            await Task.Delay(TimeSpan.FromSeconds(5), Deployment.Token);
        }
    }
}
