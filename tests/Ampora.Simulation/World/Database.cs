using Ampora.Simulation.Engine;

namespace Ampora.Simulation.World;

/// <summary>
/// A database server and the way to it: a call takes time before and after its commit, fails before it, loses its answer after it, or finds the server away. A
/// call on its way when its process dies, or gives up waiting, may be executed all the same.
/// </summary>
public sealed class Database(Timeline timeline, Weather weather, string name)
{
    private long _awayUntil;

    /// <summary>Called after each commit.</summary>
    public Action Committed { get; set; } = () => { };

    /// <summary>Whether the server does not answer now.</summary>
    public bool IsAway => _awayUntil > timeline.Now;

    /// <summary>Lets it be away.</summary>
    public void GoAway(TimeSpan time) => _awayUntil = Math.Max(_awayUntil, timeline.Now + time.Ticks);

    /// <summary>Brings it back.</summary>
    public void ComeBack() => _awayUntil = 0;

    /// <summary>Executes a transaction for a process.</summary>
    public Task<T> CallAsync<T>(SimulatedProcess process, string what, string? about, Func<T> transaction, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled<T>(cancellationToken);
        var call = new Call<T>(process, what, about, transaction);
        call.GiveUpWith(cancellationToken);
        timeline.Schedule(Latency(), null, Arrive<T>, call);
        return call.Answer.Task;
    }

    private void Arrive<T>(object? state)
    {
        var call = (Call<T>)state!;
        if ((call.Answer.Task.IsCompleted || !call.Process.IsAlive) && timeline.Happens(weather.Worst.DropFromTheDead))
            return;
        if (IsAway || timeline.Happens(weather.Now.FailBeforeCommit))
        {
            timeline.Trace.Note(timeline.Now, call.Process.Name, call.What + " fails", call.About);
            Reply(call, default!, new StoreAwayException($"{name} is away."));
            return;
        }

        var result = call.Transaction();
        timeline.Trace.Note(timeline.Now, call.Process.Name, call.What, call.About);
        Committed();
        var isLost = timeline.Happens(weather.Now.LoseAnswer);
        Reply(call, result, isLost ? new StoreAwayException($"The answer of {name} was lost; whether it committed, nobody knows.") : null);
    }

    private void Reply<T>(Call<T> call, T result, Exception? error)
    {
        (call.Result, call.Error) = (result, error);
        timeline.Schedule(Latency(), call.Process, static state => ((Call<T>)state!).Complete(), call);
    }

    // A few milliseconds; now and then a lock or a disk takes longer.
    private TimeSpan Latency() => timeline.Happens(weather.Now.SlowCall) ? timeline.Between(0.01, 0.5) : timeline.Between(0.0002, 0.004);

    private sealed class Call<T>(SimulatedProcess process, string what, string? about, Func<T> transaction)
    {
        private CancellationTokenRegistration _givingUp;

        public SimulatedProcess Process => process;

        public string What => what;

        public string? About => about;

        public Func<T> Transaction => transaction;

        public TaskCompletionSource<T> Answer { get; } = new();

        public T Result { get; set; } = default!;

        public Exception? Error { get; set; }

        public void GiveUpWith(CancellationToken cancellationToken) =>
            _givingUp = cancellationToken.UnsafeRegister(static (state, token) => ((Call<T>)state!).Answer.TrySetCanceled(token), this);

        public void Complete()
        {
            _givingUp.Dispose();
            if (Error is null)
                Answer.TrySetResult(Result);
            else
                Answer.TrySetException(Error);
        }
    }
}

/// <summary>The store did not answer: it is away, or the outcome is unknown.</summary>
public sealed class StoreAwayException(string message) : Exception(message);
