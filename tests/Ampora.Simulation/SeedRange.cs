using Ampora.Simulation.Mutations;

namespace Ampora.Simulation;

/// <summary>Many seeds: each on one thread from its beginning to its end, several threads beside each other.</summary>
public static class SeedRange
{
    /// <summary>Runs seeds until one breaks an invariant.</summary>
    /// <param name="first">The first seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="mutation">The rule that is switched off.</param>
    /// <param name="threads">How many at once.</param>
    /// <returns>The first seed, by number, that broke one; or none. And how many steps all of them took.</returns>
    public static (SimulationResult? Broken, long Steps) Run(int first, int count, Mutation mutation, int threads)
    {
        var (next, steps, gate) = (first - 1, 0L, new Lock());
        SimulationResult? broken = null;
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            while (Volatile.Read(ref broken) is null && Interlocked.Increment(ref next) is var seed && seed < first + count)
            {
                var result = SimulationRun.Run(seed, mutation);
                Interlocked.Add(ref steps, result.Steps);
                lock (gate)
                {
                    if (result.Broken is not null && (broken is null || broken.Seed > seed))
                        broken = result;
                }
            }
        })).ToList();
        workers.ForEach(w => w.Start());
        workers.ForEach(w => w.Join());
        return (broken, steps);
    }
}
