using Ampora.Contracts;
using Ampora.Simulation.Engine;
using Ampora.Simulation.World;
using Ampora.Wakeups;

namespace Ampora.Simulation.Services;

/// <summary>
/// A sweeper: one sweep for each source at a time, besides which a message asks for another look; now and then two at once, since the protocol must bear that.
/// </summary>
public sealed class Sweeper(Timeline timeline, SimulatedProcess process, WakeupProtocol protocol, ICheck check)
{
    private readonly Dictionary<string, bool> _running = new(StringComparer.Ordinal);

    /// <summary>Begins to consume wake-ups.</summary>
    public void Start(Bus bus) => bus.Consume<TipCheckRequested>(process, (message, _) => CheckAsync(message.SourceId));

    private async Task CheckAsync(string sourceId)
    {
        if (process.Stopping.IsCancellationRequested)
            return;
        if (_running.ContainsKey(sourceId) && !timeline.Happens(0.2))
        {
            _running[sourceId] = true;
            return;
        }

        _running[sourceId] = false;
        var again = true;
        while (again)
        {
            again = false;
            TimeSpan? pause = null;
            try
            {
                pause = await protocol.SweepAsync(sourceId, check, process.Stopping.Token);
                if (pause is null && _running.GetValueOrDefault(sourceId))
                {
                    _running[sourceId] = false;
                    again = true;
                }
            }
            catch (StoreAwayException)
            {
                // The wake-up is in the store still.
            }
            catch (OperationCanceledException)
            {
                // It stops, or the store's deadline passed.
            }

            if (pause is { } wait && !process.Stopping.IsCancellationRequested)
            {
                await Task.Delay(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, process.Clock);
                again = true;
            }
        }

        _running.Remove(sourceId);
    }
}
