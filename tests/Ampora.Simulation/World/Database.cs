using Ampora.Simulation.Engine;

namespace Ampora.Simulation.World;

/// <summary>
/// A database server and the way to it: a call takes time before and after its commit, fails before it, loses its answer after it, or finds the server away. A
/// call on its way when its process dies, or gives up waiting, may be executed all the same.
/// </summary>
public sealed class Database(Timeline timeline, Weather weather, string name)
{
    private long _awayUntil;

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
        timeline.Schedule(Latency(), () => Arrive(call));
        return call.Answer;
    }

    private void Arrive(Call call)
    {
        if ((call.IsGivenUp || !call.Process.IsAlive) && timeline.Happens(weather.Worst.DropFromTheDead))
            return;
        if (IsAway || timeline.Happens(weather.Now.FailBeforeCommit))
        {
            timeline.Trace.Note(timeline.Now, call.Process.Name, call.What + " fails", call.About);
            call.Error = new StoreAwayException($"{name} is away.");
        }
        else
        {
            call.Execute();
            timeline.Trace.Note(timeline.Now, call.Process.Name, call.What, call.About);
            if (timeline.Happens(weather.Now.LoseAnswer))
                call.Error = new StoreAwayException($"The answer of {name} was lost; whether it committed, nobody knows.");
        }

        timeline.Schedule(Latency(), call.Process, static state => ((Call)state!).Complete(), call);
    }

    // A few milliseconds; now and then a lock or a disk takes longer.
    private TimeSpan Latency() => timeline.Happens(weather.Now.SlowCall) ? timeline.Between(0.01, 0.5) : timeline.Between(0.0002, 0.004);

    private abstract class Call(SimulatedProcess process, string what, string? about)
    {
        public SimulatedProcess Process => process;

        public string What => what;

        public string? About => about;

        public Exception? Error { get; set; }

        public abstract bool IsGivenUp { get; }

        public abstract void Execute();

        public abstract void Complete();
    }

    private sealed class Call<T>(SimulatedProcess process, string what, string? about, Func<T> transaction) : Call(process, what, about)
    {
        private readonly TaskCompletionSource<T> _answer = new();
        private CancellationTokenRegistration _givingUp;
        private T _result = default!;

        public Task<T> Answer => _answer.Task;

        public override bool IsGivenUp => _answer.Task.IsCompleted;

        public void GiveUpWith(CancellationToken cancellationToken) =>
            _givingUp = cancellationToken.UnsafeRegister(static (state, token) => ((TaskCompletionSource<T>)state!).TrySetCanceled(token), _answer);

        public override void Execute() => _result = transaction();

        public override void Complete()
        {
            _givingUp.Dispose();
            if (Error is null)
                _answer.TrySetResult(_result);
            else
                _answer.TrySetException(Error);
        }
    }
}

/// <summary>The store did not answer: it is away, or the outcome is unknown.</summary>
public sealed class StoreAwayException(string message) : Exception(message);
