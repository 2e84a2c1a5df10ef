using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What takes long keeps nothing else from being done.</summary>
public sealed class PlacesSpecs
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly ManualClock _clock = new();
    private readonly Places _places;

    public PlacesSpecs() => _places = new Places(count: 8, Places.SlowAfter, _clock);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Work_that_turns_out_to_be_slow_leaves_its_place_to_whoever_waits()
    {
        var hung = await TakeAsync(8);
        var waiting = _places.TakeAsync(isSlow: false, Token);
        Assert.False(waiting.IsCompleted);

        _clock.Advance(Places.SlowAfter);

        (await waiting.WaitAsync(Deadline, Token)).Dispose();
        hung.ForEach(place => place.Dispose());
        Assert.True(_places.IsIdle);
    }

    [Fact]
    public async Task Slow_work_does_not_pile_up_without_end()
    {
        var hung = await TakeAsync(8);
        _clock.Advance(Places.SlowAfter);
        hung.AddRange(await TakeAsync(8));
        _clock.Advance(Places.SlowAfter);
        var waiting = _places.TakeAsync(isSlow: false, Token);
        await Task.Delay(50, Token);
        Assert.False(waiting.IsCompleted);

        // One slow place is free for one of those that are slow by now, and its place for the one that waits.
        hung[0].Dispose();

        (await waiting.WaitAsync(Deadline, Token)).Dispose();
        hung.ForEach(place => place.Dispose());
        Assert.True(_places.IsIdle);
    }

    [Fact]
    public async Task Work_that_is_known_to_be_slow_gets_few_places_and_never_one_of_the_others()
    {
        var slow = new[] { await _places.TakeAsync(isSlow: true, Token), await _places.TakeAsync(isSlow: true, Token) };
        var more = _places.TakeAsync(isSlow: true, Token);
        var quick = await TakeAsync(8);
        Assert.False(more.IsCompleted);

        slow[0].Dispose();

        (await more.WaitAsync(Deadline, Token)).Dispose();
        slow[1].Dispose();
        quick.ForEach(place => place.Dispose());
        Assert.True(_places.IsIdle);
    }

    [Fact]
    public async Task A_wait_that_is_given_up_leaves_nothing_behind()
    {
        var all = await TakeAsync(8);
        using var given = new CancellationTokenSource();
        var up = _places.TakeAsync(isSlow: false, given.Token);
        var next = _places.TakeAsync(isSlow: false, Token);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => up);

        all[0].Dispose();
        // A second time changes nothing.
        all[0].Dispose();

        (await next.WaitAsync(Deadline, Token)).Dispose();
        all.ForEach(place => place.Dispose());
        Assert.True(_places.IsIdle);
    }

    [Fact]
    public async Task No_place_is_lost_or_given_twice_however_they_come_and_go()
    {
        var places = new Places(count: 4, TimeSpan.FromMilliseconds(1), TimeProvider.System);
        var held = 0;
        await Parallel.ForAsync(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token }, async (i, _) =>
        {
            using var patience = new CancellationTokenSource(i % 5);
            try
            {
                using var place = await places.TakeAsync(isSlow: i % 3 == 0, patience.Token);
                Assert.InRange(Interlocked.Increment(ref held), 1, 8);
                await Task.Delay(i % 4, Token);
                Interlocked.Decrement(ref held);
            }
            catch (OperationCanceledException) when (patience.IsCancellationRequested)
            {
                // It did not want to wait for longer.
            }
        });
        Assert.True(places.IsIdle);
    }

    private async Task<List<IDisposable>> TakeAsync(int count)
    {
        var taken = new List<IDisposable>();
        for (var i = 0; i < count; i++)
            taken.Add(await _places.TakeAsync(isSlow: false, Token).WaitAsync(Deadline, Token));
        return taken;
    }
}
