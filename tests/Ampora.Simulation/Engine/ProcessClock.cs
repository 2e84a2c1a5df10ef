namespace Ampora.Simulation.Engine;

/// <summary>The clock of a process: its wall clock may be wrong and may jump, its timers and timestamps go by simulated time.</summary>
/// <param name="timeline">Simulated time.</param>
/// <param name="process">Whose steps the timers' callbacks are.</param>
public sealed class ProcessClock(Timeline timeline, SimulatedProcess? process) : TimeProvider
{
    /// <summary>When every simulation begins.</summary>
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How wrong the wall clock is.</summary>
    public TimeSpan Offset { get; set; }

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Start + timeline.Elapsed + Offset;

    /// <inheritdoc/>
    public override long GetTimestamp() => timeline.Now;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan)
            throw new NotSupportedException("Nothing here uses a periodic timer.");
        var timer = new SimulatedTimer(timeline, process, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(Timeline timeline, SimulatedProcess? process, TimerCallback callback, object? state) : ITimer
    {
        private long _version;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var version = ++_version;
            if (dueTime != Timeout.InfiniteTimeSpan)
                timeline.Schedule(dueTime, process, _ => Fire(version), null);
            return true;
        }

        public void Dispose() => _version++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire(long version)
        {
            if (version == _version)
                callback(state);
        }
    }
}
