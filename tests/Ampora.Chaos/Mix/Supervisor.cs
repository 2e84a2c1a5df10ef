using Ampora.Deployments;

namespace Ampora.Chaos.Mix;

/// <summary>Starts again what has ended by itself, as a supervisor does. What was killed is started by who killed it.</summary>
internal sealed class Supervisor(ChaosDeployment deployment, Journal journal)
{
    // Longer than any attack leaves a process dead.
    private static readonly TimeSpan Dead = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Watches until it is told to stop.</summary>
    public async Task WatchAsync(CancellationToken stopping)
    {
        var seenDead = new Dictionary<ServiceProcess, TimeSpan>();
        while (!stopping.IsCancellationRequested)
        {
            foreach (var process in deployment.AllProcesses)
            {
                if (!process.HasExited)
                {
                    seenDead.Remove(process);
                    continue;
                }

                seenDead[process] = seenDead.GetValueOrDefault(process) + Pause;
                if (seenDead[process] < Dead)
                    continue;
                journal.Faulted("died", process.Service, $"exit code {process.ExitCode}");
                process.Start();
                seenDead.Remove(process);
            }

            await Task.Delay(Pause, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
