using System.Diagnostics;
using System.Globalization;
using Ampora.Deployments;

namespace Ampora.Chaos.Mix;

/// <summary>Attacks the replicas of a service, one at a time.</summary>
internal sealed class ServiceAttack(ChaosDeployment deployment, string service, Journal journal, int seed) : Attack(service, journal, seed)
{
    // Longer than a lease of ten seconds, so that its owner wakes up in somebody else's check.
    private static readonly TimeSpan PastTheLease = TimeSpan.FromSeconds(12);

    // Containers get so long from SIGTERM to SIGKILL by most supervisors.
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(30);

    protected override async Task KillAsync(Func<Task> rest)
    {
        var process = Any();
        if (!process.HasExited)
            await process.KillAsync();
        await rest();
        process.Start();
    }

    protected override async Task RestartAsync(Func<Task> rest)
    {
        var process = Any();
        if (!process.HasExited)
            await process.SignalAsync("TERM");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        deadline.CancelAfter(StopDeadline);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (!Deployment.Token.IsCancellationRequested)
        {
            await process.KillAsync();
        }

        await rest();
        process.Start();
    }

    protected override async Task PauseAsync(TimeSpan time)
    {
        var process = Any();
        await process.SignalAsync("STOP");
        try
        {
            await WaitAsync(time);
        }
        finally
        {
            await process.SignalAsync("CONT");
        }
    }

    // A tenth of the processor's time, in slices as a quota gives it.
    protected override async Task StarveAsync(TimeSpan time)
    {
        var process = Any();
        var slices = ((int)(time.TotalSeconds * 10)).ToString(CultureInfo.InvariantCulture);
        const string script = """i=0; while [ $i -lt "$2" ] && kill -STOP "$1"; do sleep 0.09; kill -CONT "$1"; sleep 0.01; i=$((i + 1)); done 2> /dev/null""";
        using var starving = Process.Start("/bin/sh", ["-c", script, "starve", process.Id.ToString(CultureInfo.InvariantCulture), slices]);
        await starving.WaitForExitAsync(CancellationToken.None);
    }

    protected override TimeSpan PauseTime() => Target == "sweeper" && Random.Next(2) == 0 ? PastTheLease : base.PauseTime();

    private ServiceProcess Any()
    {
        var replicas = deployment.ReplicasOf(Target);
        return deployment.ProcessOf(Target, Random.Next(replicas));
    }
}
