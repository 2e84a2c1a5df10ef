using Ampora.TestServers;
using Microsoft.Extensions.Logging;

namespace Ampora.Scheduler.Tests;

public sealed class LoopSpecs : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly LineLog _log = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _turns = new(0);

    [Fact]
    public async Task A_loop_goes_on_whatever_fails_and_says_so_once_each_way()
    {
        var fail = true;
        var loop = new Loop("polls", TimeSpan.FromMilliseconds(250), 10, _ => Turn(() => fail ? throw new InvalidOperationException("away") : (0, null)), _clock, _log);
        var running = loop.RunAsync(_stopping.Token);

        for (var i = 0; i < 5; i++)
            await NextTurnAsync();
        Assert.True(loop.Failing);
        Assert.Equal(["Warning: Scheduler: polls failed, and is tried again until it succeeds"], _log.Lines);

        fail = false;
        await NextTurnAsync();
        await NextTurnAsync();
        Assert.False(loop.Failing);
        Assert.Equal("Information: Scheduler: polls succeeded again", _log.Lines[^1]);
        Assert.Equal(2, _log.Lines.Count);

        await _stopping.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_failure_that_is_told_and_not_thrown_counts_as_one()
    {
        var loop = new Loop("polls", TimeSpan.FromMilliseconds(250), 10, _ => Turn(() => (3, new TimeoutException("the broker"))), _clock, _log);
        var running = loop.RunAsync(_stopping.Token);
        await NextTurnAsync();
        await NextTurnAsync();
        Assert.True(loop.Failing);
        await _stopping.CancelAsync();
        await running;
    }

    [Fact]
    public async Task After_a_full_batch_the_next_turn_follows_at_once()
    {
        var left = 3;
        var loop = new Loop("polls", TimeSpan.FromHours(1), 10, _ => Turn(() => (left-- > 0 ? 10 : 0, null)), _clock, _log);
        var running = loop.RunAsync(_stopping.Token);

        // No time passes: the clock stands still.
        for (var i = 0; i < 4; i++)
            Assert.True(await _turns.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        await _stopping.CancelAsync();
        await running;
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _turns.Dispose();
    }

    private Task<(int Done, Exception? Failure)> Turn(Func<(int Done, Exception? Failure)> outcome)
    {
        _turns.Release();
        return Task.FromResult(outcome());
    }

    // Moves the clock until the loop has begun another turn: it may not have come to its pause yet when the clock moves.
    private async Task NextTurnAsync()
    {
        var deadline = TimeProvider.System.GetTimestamp();
        do
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(30), "The loop has stopped.");
        }
        while (!await _turns.WaitAsync(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken));
    }

    private sealed class LineLog : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
