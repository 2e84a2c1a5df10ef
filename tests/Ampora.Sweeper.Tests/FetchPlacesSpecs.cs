using Ampora.Git;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Ampora.Sweeper.Tests;

public sealed class FetchPlacesSpecs : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly FetchPlaces _places;

    public FetchPlacesSpecs()
    {
        var services = new ServiceCollection();
        // Of two requests to a host, one may be a fetch.
        services.Configure<GitLimits>(limits => limits.RequestsPerHost = 2);
        services.AddGit(Path.GetTempPath());
        _services = services.BuildServiceProvider();
        _places = new FetchPlaces(_services.GetRequiredService<HostGate>(), Options.Create(new SweeperLimits { FetchesAtOnce = 2 }), TimeProvider.System);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _services.Dispose();

    [Fact]
    public async Task Who_waits_for_a_slow_host_takes_no_place_from_another_host()
    {
        var slow = await TakeAsync("slow", Token);
        var waiting = Enumerable.Range(0, 5).Select(_ => TakeAsync("slow", Token)).ToList();

        using (await TakeAsync("quick", Token).WaitAsync(TimeSpan.FromSeconds(30), Token))
            Assert.All(waiting, take => Assert.False(take.IsCompleted));

        slow.Dispose();
        foreach (var take in waiting)
            (await take.WaitAsync(TimeSpan.FromSeconds(30), Token)).Dispose();
    }

    [Fact]
    public async Task No_more_fetches_run_at_once_than_there_are_places()
    {
        using var first = await TakeAsync("one", Token);
        var second = await TakeAsync("two", Token);
        var third = TakeAsync("three", Token);
        Assert.False(third.IsCompleted);

        second.Dispose();
        (await third.WaitAsync(TimeSpan.FromSeconds(30), Token)).Dispose();
    }

    [Fact]
    public async Task A_wait_that_is_given_up_leaves_its_place_to_the_next()
    {
        var slow = await TakeAsync("slow", Token);
        using var given = new CancellationTokenSource();
        var up = TakeAsync("slow", given.Token);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => up);

        slow.Dispose();
        using (await TakeAsync("slow", Token).WaitAsync(TimeSpan.FromSeconds(30), Token))
        using (await TakeAsync("other", Token).WaitAsync(TimeSpan.FromSeconds(30), Token))
        {
        }
    }

    private Task<IDisposable> TakeAsync(string host, CancellationToken cancellationToken)
    {
        Assert.Null(GitUrl.TryParse($"https://{host}.example/fleet.git", out var url));
        return _places.TakeAsync(new GitRemote(url!, null), isSlow: false, cancellationToken);
    }
}
