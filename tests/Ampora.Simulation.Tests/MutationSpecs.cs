using Ampora.Simulation.Mutations;

namespace Ampora.Simulation.Tests;

/// <summary>The simulation can fail: each rule, switched off, breaks an invariant that is about it.</summary>
public sealed class MutationSpecs
{
    // The rarest need some thousands: a clock that jumps back in the two seconds between two readings.
    private const int Seeds = 10_000;

    public static TheoryData<string> Mutations => [.. AllMutations.ByName.Keys];

    [Theory]
    [MemberData(nameof(Mutations))]
    public void A_rule_that_is_switched_off_is_missed(string name)
    {
        var mutation = AllMutations.ByName[name];

        var (broken, _) = SeedRange.Run(1, Seeds, mutation, threads: 1);

        Assert.True(broken is not null, $"{Seeds} seeds did not miss the rule");
        Assert.Contains(broken.Broken!.Invariant, mutation.CaughtBy);
    }
}
