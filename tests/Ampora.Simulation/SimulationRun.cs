using Ampora.Simulation.Engine;
using Ampora.Simulation.Mutations;
using Ampora.Simulation.Proof;

namespace Ampora.Simulation;

/// <summary>
/// One seed: a while in which anything may go wrong, then the faults stop and everything must heal, then a while of calm in which everything must be prompt.
/// </summary>
public sealed class SimulationRun
{
    // After the faults: the longest back-off or wish of a host, a lease, two poll intervals, an expectation, and the relay's longest wait, with a third to spare.
    private static readonly TimeSpan HealsWithin = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(25);

    // A seed takes some ten thousand; one that takes so many more goes round in circles.
    private const int MaxSteps = 200_000;

    private readonly Timeline _timeline;
    private readonly Mutation _mutation;
    private readonly Cluster _cluster;

    private SimulationRun(int seed, Mutation mutation, bool keepTrace)
    {
        _timeline = new Timeline(seed, keepTrace);
        _mutation = mutation;
        _cluster = new Cluster(_timeline, mutation, seed);
    }

    /// <summary>Runs a seed.</summary>
    public static SimulationResult Run(int seed, Mutation? mutation = null, bool keepTrace = false)
    {
        var run = new SimulationRun(seed, mutation ?? Mutation.None, keepTrace);
        BrokenInvariantException? broken = null;
        try
        {
            run.Go();
        }
        catch (BrokenInvariantException e)
        {
            broken = e;
        }
        catch (Exception e)
        {
            broken = new BrokenInvariantException(Invariants.FollowsTheProtocol, $"an unexpected exception: {e}");
        }

        return new SimulationResult(seed, run._mutation.Name, broken, run._timeline.Trace, run._timeline.Steps, run._timeline.Elapsed, run._cluster.Known.Counts);
    }

    private void Go()
    {
        _cluster.Start();
        RunFor(_timeline.Between(15, 45), () => false);
        _cluster.StopFaults();
        RunFor(TimeSpan.FromSeconds(2), () => false);
        if (!RunFor(HealsWithin, () => _cluster.FirstUnhealed() is null))
            Fail();
        _cluster.BeginCalm();
        RunFor(Calm, () => false);
        _cluster.EndCalm();
        if (!RunFor(HealsWithin, () => _cluster.FirstUnhealed() is null))
            Fail();
    }

    private void Fail()
    {
        var (invariant, what) = _cluster.FirstUnhealed()!.Value;
        throw new BrokenInvariantException(invariant, $"{what}, {HealsWithin.TotalSeconds:F0} s after the last fault");
    }

    /// <returns>Whether it was done before the time was over.</returns>
    private bool RunFor(TimeSpan time, Func<bool> isDone)
    {
        var until = _timeline.Now + time.Ticks;
        var nextLook = 0L;
        while (_timeline.Now < until)
        {
            if (_timeline.Now >= nextLook)
            {
                if (isDone())
                    return true;
                nextLook = _timeline.Now + TimeSpan.FromMilliseconds(200).Ticks;
            }

            if (!_timeline.Step() || _timeline.Steps > MaxSteps)
                throw new BrokenInvariantException(Invariants.FollowsTheProtocol, _timeline.Steps > MaxSteps ? "it goes round in circles" : "nothing is left to happen");
        }

        return isDone();
    }
}

/// <summary>What became of a seed.</summary>
public sealed record SimulationResult(
    int Seed, string Mutation, BrokenInvariantException? Broken, Trace Trace, int Steps, TimeSpan Elapsed, IReadOnlyDictionary<string, int> Counts)
{
    /// <summary>For people: the seed, what broke, and what happened last.</summary>
    public override string ToString() => Broken is null
        ? FormattableString.Invariant($"seed {Seed}: {Steps} steps in {Elapsed.TotalSeconds:F0} s of simulated time, trace {Trace.Hash:x16}")
        : FormattableString.Invariant(
            $"{Trace}\nseed {Seed} (mutation {Mutation}) broke invariant {Broken.Message}\nafter {Steps} steps, trace {Trace.Hash:x16}; replay it with tests/simulate --seed {Seed} --mutation {Mutation}");
}
