using System.Diagnostics;
using System.Globalization;
using Ampora.Deployments;

namespace Ampora.Chaos.Mix;

/// <summary>
/// Everything at once: under load, each service, the broker and the database are killed, paused, restarted and starved, all of them at any moment.
/// <c>tests/chaos mix --minutes N --seed S</c> sets how long and in which order.
/// </summary>
public sealed class MixSpecs(ChaosDeployment deployment) : IClassFixture<ChaosDeployment>
{
    private const int Sources = 24;
    private const double PushesPerSecond = 3;

    // Twenty-two kills of each in ten minutes.
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(27);

    [Fact]
    public async Task A_mix_of_kills_pauses_restarts_and_starvation_loses_and_repeats_nothing()
    {
        var time = TimeSpan.FromMinutes(double.Parse(Environment.GetEnvironmentVariable("AMPORA_CHAOS_MINUTES") ?? "2", CultureInfo.InvariantCulture));
        var seed = int.TryParse(Environment.GetEnvironmentVariable("AMPORA_CHAOS_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next(1_000_000);
        Say($"seed {seed}, {time.TotalMinutes:F1} minutes");
        var journal = new Journal();
        var load = await Workload.StartAsync(deployment, journal, Sources, PushesPerSecond, seed);
        using (var stopping = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token))
        {
            var supervising = new Supervisor(deployment, journal).WatchAsync(stopping.Token);
            var kills = (int)Math.Ceiling(time / Round);
            Attack[] attacks =
            [
                .. deployment.AllProcesses.Select(p => p.Service).Distinct().Select(service => new ServiceAttack(deployment, service, journal, seed)),
                new BrokerAttack(deployment, journal, seed),
                new DatabaseAttack(deployment, journal, seed),
            ];
            await Task.WhenAll(attacks.Select(attack => attack.RunAsync(kills, time)));
            await stopping.CancelAsync();
            await supervising;
        }

        var ended = Stopwatch.GetTimestamp();
        await load.StopAsync();
        Say($"every webhook acknowledged {Stopwatch.GetElapsedTime(ended).TotalSeconds:F0} s after the last attack");
        var report = await Checker.CheckAsync(deployment, journal);
        Say($"checked {Stopwatch.GetElapsedTime(ended).TotalSeconds:F0} s after the last attack");
        Say(report.Table);
        foreach (var died in journal.Faults.Where(f => f.What == "died"))
            Say($"{died.Whom} died by itself at {died.At:HH:mm:ss}, {died.Detail}");
        report.AssertClean(() => $"seed {seed}\n{deployment.Logs()}");
    }

    private static void Say(string text) => TestContext.Current.TestOutputHelper?.WriteLine(text);
}
