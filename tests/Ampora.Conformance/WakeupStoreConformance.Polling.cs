using Ampora.Wakeups;

namespace Ampora.Conformance;

public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task A_due_poll_is_asked_for_once_and_the_next_is_about_one_interval_away()
    {
        await CreateSyncedAsync("fleet", interval: TimeSpan.FromSeconds(100));
        await Under.PassAsync(TimeSpan.FromSeconds(111));
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        var row = await Under.ReadAsync("fleet");
        Assert.Equal((2, 1), (row.Wanted, row.Done));
        Assert.InRange(row.NextPollIn, TimeSpan.FromSeconds(85), TimeSpan.FromSeconds(110));
        await FinishAsync(await ClaimAsync("fleet"), "a");
        Assert.Empty(await Store.TakeDuePollsAsync(10, Token));
    }

    [Fact]
    public async Task A_due_source_that_is_wanted_already_is_only_moved_on()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await Under.PassAsync(Minute * 1.2);
        Assert.Empty(await Store.TakeDuePollsAsync(10, Token));
        var row = await Under.ReadAsync("fleet");
        Assert.Equal(2, row.Wanted);
        Assert.InRange(row.NextPollIn, Minute * 0.85, Minute * 1.1);
    }

    [Fact]
    public async Task A_paused_source_is_not_polled()
    {
        await CreateSyncedAsync("fleet");
        await Under.PauseAsync("fleet");
        await Under.PassAsync(Minute * 3);
        Assert.Empty(await Store.TakeDuePollsAsync(10, Token));
        Assert.Equal(1, (await Under.ReadAsync("fleet")).Wanted);
    }

    [Fact]
    public async Task Two_schedulers_at_once_take_each_poll_once()
    {
        for (var i = 0; i < 20; i++)
            await CreateSyncedAsync($"source-{i:d2}", interval: TimeSpan.FromSeconds(1));
        var taken = new List<string>();
        for (var round = 0; round < 8 && taken.Count < 20; round++)
        {
            await Under.PassAsync(TimeSpan.FromMilliseconds(round == 0 ? 1200 : 300));
            var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Store.TakeDuePollsAsync(100, Token), Token)));
            taken.AddRange(both.SelectMany(t => t));
        }

        Assert.Equal(20, taken.Distinct().Count());
        foreach (var id in taken.Distinct())
            Assert.Equal(2, (await Under.ReadAsync(id)).Wanted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Downtime_or_a_clock_that_jumps_ends_in_no_storm(bool jump)
    {
        const int sources = 60;
        var interval = TimeSpan.FromSeconds(20);
        for (var i = 0; i < sources; i++)
            await CreateSyncedAsync($"source-{i:d2}", $"host-{i}:443", interval);
        if (jump)
            await Under.JumpBackAsync(TimeSpan.FromHours(1));
        else
            await Under.PassAsync(TimeSpan.FromMinutes(10));

        const double mean = 3; // sources ÷ interval
        var taken = new HashSet<string>();
        var perSecond = new List<int>();
        for (var tick = 0; tick < 4 * 30; tick++)
        {
            // As often as the Scheduler looks.
            var now = await Store.TakeDuePollsAsync(1000, Token);
            if (tick % 4 == 0)
                perSecond.Add(0);
            perSecond[^1] += now.Count;
            taken.UnionWith(now);
            foreach (var id in now)
            {
                if ((await Store.ClaimAsync(id, "sweeper-1", Token)).Claim is { } claim)
                    await FinishAsync(claim, "a");
            }

            await Under.PassAsync(TimeSpan.FromMilliseconds(250));
        }

        // One more than the rate says: a poll is not asked for in parts.
        Assert.All(perSecond, count => Assert.InRange(count, 0, (1.5 * mean) + 1));
        Assert.InRange(perSecond.Sum(), sources, 1.5 * mean * 30);
        Assert.Equal(sources, taken.Count);
    }

    [Fact]
    public async Task A_poll_whose_wake_up_was_lost_is_picked_up_again_but_not_at_once()
    {
        await CreateSyncedAsync("fleet", interval: TimeSpan.FromSeconds(1));
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        await Under.PassAsync(TimeSpan.FromMilliseconds(500));
        Assert.Empty(await Store.TakeDuePollsAsync(10, Token));
        await Under.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        Assert.Equal(2, (await Under.ReadAsync("fleet")).Wanted);
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));
    }

    [Fact]
    public async Task A_poll_does_not_pull_a_back_off_forward()
    {
        await CreateSyncedAsync("fleet", interval: TimeSpan.FromSeconds(2));
        await Under.PassAsync(TimeSpan.FromSeconds(3));
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromSeconds(60));
        await Under.PassAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(await Store.TakeDuePollsAsync(10, Token));
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(TimeSpan.FromSeconds(31));
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task An_unfinished_webhook_is_taken_when_it_could_be_claimed_and_nobody_was_told_lately()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));
        await Under.PassAsync(TimeSpan.FromSeconds(1.1));
        Assert.Equal(["fleet"], await Store.TakeUnfinishedAsync(10, Token));
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));

        // Not while somebody checks it, and again when its sweeper has died.
        var claim = await ClaimAsync("fleet");
        await Under.PassAsync(TimeSpan.FromSeconds(1.1));
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));
        await Under.PassAsync(Under.Policy.Lease);
        Assert.Equal(["fleet"], await Store.TakeUnfinishedAsync(10, Token));

        // Not while it backs off, nor when all is done.
        claim = await ClaimAsync("fleet");
        await FailAsync(claim, TimeSpan.FromSeconds(8));
        await Under.PassAsync(TimeSpan.FromSeconds(7));
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));
        await Under.PassAsync(TimeSpan.FromSeconds(1.1));
        Assert.Equal(["fleet"], await Store.TakeUnfinishedAsync(10, Token));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await Under.PassAsync(TimeSpan.FromSeconds(5));
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));
    }

    [Fact]
    public async Task Two_reconciliations_at_once_take_each_source_once_and_oldest_first()
    {
        for (var i = 0; i < 20; i++)
            await CreateSyncedAsync($"source-{i:d2}");
        foreach (var i in Enumerable.Range(0, 20))
        {
            await AskAsync(Manual($"source-{i:d2}"));
            await Under.PassAsync(TimeSpan.FromMilliseconds(5));
        }

        await Under.PassAsync(TimeSpan.FromSeconds(1.1));
        Assert.Equal(["source-00", "source-01", "source-02"], (await Store.TakeUnfinishedAsync(3, Token)).Order());
        var taken = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Store.TakeUnfinishedAsync(100, Token), Token)));
        Assert.Equal(17, taken.SelectMany(t => t).Distinct().Count());
        Assert.Equal(17, taken.Sum(t => t.Count));
    }

    [Fact]
    public async Task Asks_claims_and_finishes_at_once_lose_nothing_and_never_deadlock()
    {
        var ids = Enumerable.Range(0, 6).Select(i => $"source-{i}").ToList();
        foreach (var id in ids)
            await CreateSyncedAsync(id);

        var asked = 0;
        var askers = Enumerable.Range(0, 4).Select(n => Task.Run(
            async () =>
            {
                for (var i = 0; i < 25; i++)
                {
                    // Each group in another order: the store must lock in one.
                    var group = ids.Skip((n + i) % ids.Count).Concat(ids.Take((n + i) % ids.Count)).Select(Ask (id) => Webhook(id)).ToList();
                    Assert.All(await Store.AskAsync(group, Token), outcome => Assert.Equal(AskOutcome.Accepted, outcome));
                    Interlocked.Add(ref asked, group.Count);
                }
            },
            Token)).ToList();
        var asking = Task.WhenAll(askers);
        var tips = 0;
        var sweepers = Enumerable.Range(0, 4).Select(n => Task.Run(
            async () =>
            {
                while (!asking.IsCompleted)
                {
                    foreach (var id in ids)
                    {
                        if ((await Store.ClaimAsync(id, $"sweeper-{n}", Token)).Claim is { } claim)
                            Assert.True((await FinishAsync(claim, $"tip-{Interlocked.Increment(ref tips)}")).Committed);
                    }
                }
            },
            Token)).ToList();
        await asking;
        await Task.WhenAll(sweepers);

        foreach (var id in ids)
        {
            if ((await Store.ClaimAsync(id, "last", Token)).Claim is { } claim)
                await FinishAsync(claim, "last");
            var row = await Under.ReadAsync(id);
            Assert.Equal((asked / ids.Count) + 1, row.Wanted);
            Assert.Equal(row.Wanted, row.Done);
            var deliveries = await Under.ReadDeliveriesAsync(id);
            Assert.Equal(Enumerable.Range(2, asked / ids.Count).Select(n => (long?)n), deliveries.Select(d => d.Ask).Order());
            Assert.All(deliveries, d => Assert.Equal("run", d.Result));
            var runs = await Under.ReadRunsAsync(id);
            Assert.Equal(runs.Count, runs.Distinct().Count());
        }
    }
}
