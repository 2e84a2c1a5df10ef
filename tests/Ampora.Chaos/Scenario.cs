using Ampora.Deployments;

namespace Ampora.Chaos;

/// <summary>Load before, during and after a fault, and then the check.</summary>
public static class Scenario
{
    // So that the fault meets load that flows, and what follows it has been seen to flow again.
    private static readonly TimeSpan Around = TimeSpan.FromSeconds(3);

    /// <summary>Runs a scenario, and fails unless nothing is lost, duplicate or unexpected.</summary>
    /// <param name="deployment">The deployment; the fault must leave it with everything started again.</param>
    /// <param name="fault">What happens under load.</param>
    /// <param name="sources">How many sources the load has.</param>
    /// <param name="pushesPerSecond">Their pushes together; 0: none but those that the scenario makes.</param>
    /// <param name="acts">Whether the API is asked for changes meanwhile.</param>
    /// <param name="seed">Decides everything that chance decides.</param>
    /// <returns>What the checker found.</returns>
    public static async Task<Report> RunAsync(
        ChaosDeployment deployment, Func<ScenarioContext, Task> fault, int sources = 8, double pushesPerSecond = 4, bool acts = true, int seed = 1)
    {
        var journal = new Journal();
        var load = await Workload.StartAsync(deployment, journal, sources, pushesPerSecond, seed, acts);
        var context = new ScenarioContext(deployment, journal, load);
        try
        {
            await Task.Delay(Around, Deployment.Token);
            await fault(context);
            await Task.Delay(Around, Deployment.Token);
        }
        finally
        {
            await load.StopAsync();
        }

        var report = await Checker.CheckAsync(deployment, journal);
        TestContext.Current.TestOutputHelper?.WriteLine(report.Table);
        report.AssertClean(deployment.Logs);
        return report;
    }
}

/// <summary>What a scenario has at hand.</summary>
public sealed record ScenarioContext(ChaosDeployment Deployment, Journal Journal, Workload Load)
{
    /// <summary>Kills a replica with SIGKILL.</summary>
    public async Task KillAsync(string service, int replica = 0)
    {
        Journal.Faulted("kill", service, $"replica {replica}");
        await Deployment.ProcessOf(service, replica).KillAsync();
    }

    /// <summary>Starts a replica that has ended.</summary>
    public void Start(string service, int replica = 0) => Deployment.ProcessOf(service, replica).Start();

    /// <summary>Restarts a replica so that it dies at a step, waits until it has, and starts it again without.</summary>
    /// <param name="service">The service.</param>
    /// <param name="failpoint"><c>SPAN[:started|stopped][:N]</c>.</param>
    /// <param name="replica">Which of its replicas.</param>
    public async Task DieAtAsync(string service, string failpoint, int replica = 0)
    {
        var process = Deployment.ProcessOf(service, replica);
        Failpoint.Set(process, failpoint);
        if (!process.HasExited)
            await process.KillAsync();
        process.Start();
        await Died(process, failpoint);
        Journal.Faulted("kill", service, $"replica {replica} at {failpoint}");
        Failpoint.Remove(process);
        process.Start();
    }

    private static async Task Died(ServiceProcess process, string failpoint)
    {
        const int killed = 128 + 9;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployments.Deployment.Token);
        deadline.CancelAfter(TimeSpan.FromMinutes(2));
        try
        {
            var exitCode = await process.WaitForExitAsync(deadline.Token);
            Assert.True(exitCode == killed, $"{process.Service} ended with {exitCode} and not by {failpoint}\n{process.Output}");
        }
        catch (OperationCanceledException) when (!Deployments.Deployment.Token.IsCancellationRequested)
        {
            Assert.Fail($"{process.Service} never came to {failpoint}\n{process.Output}");
        }
    }
}
