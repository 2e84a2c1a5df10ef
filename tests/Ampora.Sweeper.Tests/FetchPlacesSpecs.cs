using Microsoft.Extensions.Options;

namespace Ampora.Sweeper.Tests;

public sealed class FetchPlacesSpecs : IDisposable
{
    private readonly FetchPlaces _places = new(Options.Create(new SweeperLimits { FetchesAtOnce = 2, FetchesPerHost = 1 }));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _places.Dispose();

    [Fact]
    public async Task Who_waits_for_a_slow_host_takes_no_place_from_another_host()
    {
        var slow = await _places.TakeAsync("slow", Token);
        var waiting = Enumerable.Range(0, 5).Select(_ => _places.TakeAsync("slow", Token)).ToList();

        using (await _places.TakeAsync("quick", Token).WaitAsync(TimeSpan.FromSeconds(30), Token))
            Assert.All(waiting, take => Assert.False(take.IsCompleted));

        slow.Dispose();
        foreach (var take in waiting)
            (await take.WaitAsync(TimeSpan.FromSeconds(30), Token)).Dispose();
    }

    [Fact]
    public async Task No_more_fetches_run_at_once_than_there_are_places()
    {
        using var first = await _places.TakeAsync("one", Token);
        var second = await _places.TakeAsync("two", Token);
        var third = _places.TakeAsync("three", Token);
        Assert.False(third.IsCompleted);

        second.Dispose();
        (await third.WaitAsync(TimeSpan.FromSeconds(30), Token)).Dispose();
    }

    [Fact]
    public async Task A_wait_that_is_given_up_leaves_its_place_to_the_next()
    {
        var slow = await _places.TakeAsync("slow", Token);
        using var given = new CancellationTokenSource();
        var up = _places.TakeAsync("slow", given.Token);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => up);

        slow.Dispose();
        using (await _places.TakeAsync("slow", Token).WaitAsync(TimeSpan.FromSeconds(30), Token))
        using (await _places.TakeAsync("other", Token).WaitAsync(TimeSpan.FromSeconds(30), Token))
        {
        }
    }
}
