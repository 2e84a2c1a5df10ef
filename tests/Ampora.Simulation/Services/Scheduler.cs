using Ampora.Contracts;
using Ampora.Simulation.Engine;
using Ampora.Simulation.World;
using Ampora.Wakeups;

namespace Ampora.Simulation.Services;

/// <summary>A scheduler: its loops, each on its own, and the acknowledgements that it passes on.</summary>
public sealed class Scheduler(Timeline timeline, SimulatedProcess process, WakeupProtocol protocol, TimeSpan tick)
{
    private const int Batch = 250;

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan JudgeEvery = TimeSpan.FromSeconds(2);

    /// <summary>How long a webhook may be late before it counts as missed.</summary>
    public static readonly TimeSpan MissGrace = TimeSpan.FromSeconds(5);

    /// <summary>Begins.</summary>
    public void Start(Bus bus)
    {
        Loop(tick, async token => (await protocol.PollAsync(Batch, token)).Failure);
        Loop(tick, async token => (await protocol.ReconcileAsync(Batch, token)).Failure);
        Loop(tick, async token => (await protocol.RelayAsync(Batch, token)).Failure);
        Loop(JudgeEvery, async token =>
        {
            await protocol.JudgeAsync(MissGrace, Batch, token);
            return null;
        });
        bus.Consume<AuditEntryCommitted>(process, (message, _) => AcknowledgeAsync(message));
    }

    private void Loop(TimeSpan period, Func<CancellationToken, Task<Exception?>> turn) => process.Run(async () =>
    {
        var stopping = process.Stopping.Token;
        try
        {
            await Task.Delay(timeline.Between(0, period.TotalSeconds), process.Clock, stopping);
            while (true)
            {
                var failure = await TurnAsync(turn, stopping);
                await Task.Delay(failure is null ? period : PauseAfterFailure, process.Clock, stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // It stops.
        }
    });

    private static async Task<Exception?> TurnAsync(Func<CancellationToken, Task<Exception?>> turn, CancellationToken stopping)
    {
        try
        {
            return await turn(stopping);
        }
        catch (StoreAwayException e)
        {
            return e;
        }
    }

    private async Task AcknowledgeAsync(AuditEntryCommitted message)
    {
        try
        {
            await protocol.AcknowledgeAsync(message, process.Stopping.Token);
        }
        catch (Exception e) when (e is StoreAwayException or OperationCanceledException)
        {
            // The relay publishes the message again, and Audit acknowledges it again.
        }
    }
}
