namespace Ampora.Simulation.Engine;

/// <summary>
/// Simulated time: what is to happen, in the order of its time, on the one thread that calls <see cref="Step"/>. Every choice comes from one seeded generator,
/// so a seed replays exactly.
/// </summary>
public sealed class Timeline
{
    private readonly PriorityQueue<Happening, (long Time, long Sequence)> _queue = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _sequence;

    public Timeline(int seed, bool keepTrace)
    {
        Chance = new Random(seed);
        Trace = new Trace(keepTrace);
    }

    /// <summary>The only source of chance.</summary>
    public Random Chance { get; }

    /// <summary>What happened.</summary>
    public Trace Trace { get; }

    /// <summary>Simulated time, in ticks since the beginning.</summary>
    public long Now { get; private set; }

    /// <summary>The same as a duration.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(Now);

    /// <summary>How many things have happened.</summary>
    public int Steps { get; private set; }

    /// <summary>Lets something happen later: in a process, unless that has died by then, or in the world around.</summary>
    public void Schedule(TimeSpan after, SimulatedProcess? process, SendOrPostCallback callback, object? state)
    {
        StayOnThread();
        var time = Now + (after > TimeSpan.Zero ? after.Ticks : 0);
        _queue.Enqueue(new Happening(process, callback, state), (time, ++_sequence));
    }

    /// <summary>Lets something happen later in the world around the processes.</summary>
    public void Schedule(TimeSpan after, Action action) => Schedule(after, null, static a => ((Action)a!)(), action);

    /// <summary>Lets the next thing happen.</summary>
    /// <returns>False when nothing is left.</returns>
    public bool Step()
    {
        StayOnThread();
        while (_queue.TryDequeue(out var next, out var at))
        {
            Now = at.Time;
            if (next.Process is { } process)
            {
                if (!process.IsAlive)
                    continue;
                if (process.PausedUntil > Now)
                {
                    _queue.Enqueue(next, (process.PausedUntil, ++_sequence));
                    continue;
                }
            }

            Steps++;
            SynchronizationContext.SetSynchronizationContext(next.Process);
            try
            {
                next.Callback(next.State);
            }
            finally
            {
                SynchronizationContext.SetSynchronizationContext(null);
            }

            return true;
        }

        return false;
    }

    /// <summary>Whether something with this probability happens.</summary>
    public bool Happens(double probability) => probability > 0 && Chance.NextDouble() < probability;

    /// <summary>A duration between two.</summary>
    public TimeSpan Between(double leastSeconds, double mostSeconds) =>
        TimeSpan.FromTicks((long)((leastSeconds + (Chance.NextDouble() * (mostSeconds - leastSeconds))) * TimeSpan.TicksPerSecond));

    /// <summary>One of several.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[Chance.Next(items.Count)];

    private void StayOnThread()
    {
        if (Environment.CurrentManagedThreadId != _thread)
            throw new InvalidOperationException("Something left the simulation's thread; it must need nothing of the thread pool.");
    }

    private sealed record Happening(SimulatedProcess? Process, SendOrPostCallback Callback, object? State);
}
