namespace Ampora.Simulation.Engine;

/// <summary>
/// A process: its code runs in steps from await to await, each a thing that happens on the <see cref="Timeline"/>. Killed, it never takes another step; paused,
/// it takes them all later. So a crash or a pause is possible at every await.
/// </summary>
public sealed class SimulatedProcess : SynchronizationContext
{
    private readonly Timeline _timeline;

    public SimulatedProcess(Timeline timeline, string name)
    {
        _timeline = timeline;
        Name = name;
        Clock = new ProcessClock(timeline, this);
    }

    /// <summary>Names this incarnation of the process.</summary>
    public string Name { get; }

    /// <summary>The process's clock and timers.</summary>
    public ProcessClock Clock { get; }

    /// <summary>Set when it is told to end.</summary>
    public CancellationTokenSource Stopping { get; } = new();

    /// <summary>Whether it takes steps at all.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Until when it takes none, in ticks of simulated time.</summary>
    public long PausedUntil { get; private set; }

    /// <summary>Ends it as kill -9 does.</summary>
    public void Kill() => IsAlive = false;

    /// <summary>Stops it as SIGSTOP does, and continues it later.</summary>
    public void Pause(TimeSpan time) => PausedUntil = Math.Max(PausedUntil, _timeline.Now + time.Ticks);

    /// <summary>Starts something in it.</summary>
    public void Run(Func<Task> work) => Post(static async state => await ((Func<Task>)state!)(), work);

    /// <inheritdoc/>
    public override void Post(SendOrPostCallback d, object? state) => _timeline.Schedule(TimeSpan.Zero, this, d, state);

    /// <inheritdoc/>
    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("A simulated process never blocks.");

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;
}
