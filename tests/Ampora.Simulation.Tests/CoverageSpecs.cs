namespace Ampora.Simulation.Tests;

/// <summary>What never happens in the simulation is not shown by it.</summary>
public sealed class CoverageSpecs
{
    private const int Seeds = 300;

    [Fact]
    public void The_seeds_meet_every_situation()
    {
        var met = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var seed = 1; seed <= Seeds; seed++)
        {
            foreach (var (what, times) in SimulationRun.Run(seed).Counts)
                met[what] = met.GetValueOrDefault(what) + times;
        }

        string[] expected =
        [
            "Accepted", "Ignored", "Paused", "StaleSecret", "NoSource", "claims", "moved", "unchanged", "postponed", "postponed in part", "failed", "recovered", "retry after",
            "tree reused", "tree vanished", "commit refused", "renewal refused", "released", "lease ran out", "lease of the dead", "polls", "missed", "audited", "recorded before",
        ];
        Assert.All(expected, situation => Assert.True(met.GetValueOrDefault(situation) > 0, $"{Seeds} seeds did not meet: {situation}; they met {string.Join(", ", met)}"));
    }
}
