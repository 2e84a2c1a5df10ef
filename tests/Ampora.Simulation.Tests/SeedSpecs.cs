using Ampora.Simulation.Mutations;

namespace Ampora.Simulation.Tests;

/// <summary>The protocol holds its promises, whatever goes wrong, in any order.</summary>
public sealed class SeedSpecs
{
    private const int Seeds = 10_000;

    // Each seed runs on one thread; two of them leave room for the tests beside.
    private const int Threads = 2;

    [Fact]
    public void Ten_thousand_seeds_break_no_invariant_and_all_of_them_heal()
    {
        var (broken, _) = SeedRange.Run(1, Seeds, Mutation.None, Threads);

        Assert.True(broken is null, broken?.ToString());
    }

    [Theory]
    [InlineData(7)]
    [InlineData(4711)]
    [InlineData(9999)]
    public void A_seed_replays_exactly(int seed)
    {
        var first = SimulationRun.Run(seed, keepTrace: true);
        var second = SimulationRun.Run(seed, keepTrace: true);

        Assert.Equal(first.Trace.ToString(), second.Trace.ToString());
        Assert.Equal(first.Trace.Hash, second.Trace.Hash);
        Assert.Equal(first.Steps, second.Steps);
        Assert.True(first.Trace.Count > 500, "a seed in which nothing happens shows nothing");
    }

    [Fact]
    public void A_failure_prints_its_seed_and_replays_exactly()
    {
        var mutation = AllMutations.ByName["claims-over-a-lease"];
        var (broken, _) = SeedRange.Run(1, 100, mutation, 1);

        var again = SimulationRun.Run(broken!.Seed, mutation);

        Assert.Contains($"--seed {broken.Seed}", broken.ToString(), StringComparison.Ordinal);
        Assert.Equal(broken.ToString(), again.ToString());
    }
}
