using System.Diagnostics;

namespace Ampora.Sweeper;

/// <summary>
/// Sources to look at again when a short pause ends, one timer each. A courtesy, kept in memory only: what is forgotten here, the
/// Scheduler's reconciliation wakes a second later.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="revisit">Called at the end of the pause with the source and the trace that asked.</param>
internal sealed class Revisits(TimeProvider time, Action<string, ActivityContext> revisit)
{
    /// <summary>Each pending revisit is a timer and a few words; beyond this, reconciliation serves as well.</summary>
    public const int MaxPending = 4096;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, ITimer> _pending = [];
    private bool _stopped;

    /// <summary>Whether a source will be looked at when its pause ends.</summary>
    public bool IsPending(string sourceId)
    {
        lock (_gate)
            return _pending.ContainsKey(sourceId);
    }

    /// <summary>Looks at a source again after a pause; a revisit that is pending already stands.</summary>
    public void Schedule(string sourceId, ActivityContext cause, TimeSpan pause)
    {
        lock (_gate)
        {
            if (_stopped || _pending.Count >= MaxPending || _pending.ContainsKey(sourceId))
                return;
            // Made unarmed and armed once it is in the table, so that it cannot fire before it can be found there.
            var timer = time.CreateTimer(_ => Fire(sourceId, cause), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _pending.Add(sourceId, timer);
            timer.Change(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Forgets all of them and takes no more.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            foreach (var timer in _pending.Values)
                timer.Dispose();
            _pending.Clear();
        }
    }

    private void Fire(string sourceId, ActivityContext cause)
    {
        lock (_gate)
        {
            if (!_pending.Remove(sourceId, out var timer))
                return;
            timer.Dispose();
        }

        revisit(sourceId, cause);
    }
}
