using Ampora.Contracts;
using Ampora.Simulation.Engine;

namespace Ampora.Simulation.World;

/// <summary>
/// The message bus: it delays, loses, doubles and reorders messages, is away, and lets wake-ups expire. Of the processes that consume a kind of message, any gets
/// each. A message whose consumer died is delivered again, or lost.
/// </summary>
public sealed class Bus(Timeline timeline, Weather weather)
{
    private static readonly TimeSpan PublishDeadline = TimeSpan.FromSeconds(2);

    private readonly List<(Type Kind, SimulatedProcess Process, Func<object, Guid, Task> Handle)> _consumers = [];
    private long _awayUntil;

    /// <summary>Whether the broker does not answer now.</summary>
    public bool IsAway => _awayUntil > timeline.Now;

    /// <summary>Lets it be away.</summary>
    public void GoAway(TimeSpan time) => _awayUntil = Math.Max(_awayUntil, timeline.Now + time.Ticks);

    /// <summary>Brings it back.</summary>
    public void ComeBack() => _awayUntil = 0;

    /// <summary>Makes a process consume a kind of message.</summary>
    public void Consume<T>(SimulatedProcess process, Func<T, Guid, Task> handle) =>
        _consumers.Add((typeof(T), process, (message, id) => handle((T)message, id)));

    /// <summary>Forgets the consumers of processes that are gone.</summary>
    public void ForgetTheDead() => _consumers.RemoveAll(c => !c.Process.IsAlive);

    /// <summary>The bus as a process sees it.</summary>
    public IMessagePublisher For(SimulatedProcess process) => new Connection(this, process);

    private static TimeSpan Longest(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private async Task PublishAsync(SimulatedProcess process, object message, Guid id, TimeSpan? timeToLive, CancellationToken cancellationToken)
    {
        if (IsAway)
        {
            await Task.Delay(PublishDeadline, process.Clock, cancellationToken);
            throw new TimeoutException("The broker is away.");
        }

        var lost = timeline.Happens(weather.Now.LoseMessage);
        for (var copies = timeline.Happens(weather.Now.DuplicateMessage) ? 2 : 1; copies > 0 && !lost; copies--)
        {
            var delay = timeline.Happens(weather.Now.DelayMessage) ? timeline.Between(0, 8) : timeline.Between(0.0005, 0.003);
            var expires = timeToLive is { } live ? timeline.Now + live.Ticks : long.MaxValue;
            timeline.Schedule(delay, () => Deliver(message, id, expires));
        }

        await Task.Delay(timeline.Between(0.0005, 0.003), process.Clock, cancellationToken);
        // Confirmed, cancelled or timed out: whether it was sent is another matter.
        if (lost && timeline.Happens(0.5))
            throw new TimeoutException("The broker did not confirm.");
    }

    private void Deliver(object message, Guid id, long expires)
    {
        if (timeline.Now > expires)
            return;
        var kind = message.GetType();
        var consumers = _consumers.Where(c => c.Kind == kind && c.Process.IsAlive).ToList();
        if (consumers.Count == 0 || IsAway)
        {
            // Kept in its queue.
            timeline.Schedule(Longest(TimeSpan.FromTicks(_awayUntil - timeline.Now), TimeSpan.FromMilliseconds(200)), () => Deliver(message, id, expires));
            return;
        }

        var (_, process, handle) = timeline.Pick(consumers);
        timeline.Trace.Note(timeline.Now, process.Name, "receives", Name(message));
        var delivery = new Delivery(this, message, id, expires, process);
        process.Run(async () =>
        {
            try
            {
                await handle(message, id);
                delivery.IsSettled = true;
            }
            catch (Exception e) when (e is StoreAwayException or OperationCanceledException)
            {
                // Not acknowledged: it comes again.
            }
        });
        timeline.Schedule(TimeSpan.FromSeconds(3), delivery.Look);
    }

    private static string Name(object message) => message switch
    {
        TipCheckRequested wakeup => "wake-up " + wakeup.SourceId,
        SyncRunCompleted run => "run " + run.SourceId,
        _ => "acknowledgement",
    };

    private sealed class Connection(Bus bus, SimulatedProcess process) : IMessagePublisher
    {
        public Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken) =>
            bus.PublishAsync(process, message, messageId, timeToLive, cancellationToken);
    }

    private sealed class Delivery(Bus bus, object message, Guid id, long expires, SimulatedProcess process)
    {
        public bool IsSettled { get; set; }

        public void Look()
        {
            if (IsSettled || process.PausedUntil > bus.NowTicks || message is TipCheckRequested)
                return;
            if (!bus.LosesRedelivery())
                bus.Deliver(message, id, expires);
        }
    }

    private long NowTicks => timeline.Now;

    private bool LosesRedelivery() => timeline.Happens(weather.Now.LoseRedelivery);
}
