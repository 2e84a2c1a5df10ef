using Ampora.Contracts;

namespace Ampora.Wakeups.Tests;

public sealed class ReconciliationSpecs
{
    private readonly Harness _h = new();

    [Fact]
    public async Task A_wake_up_that_the_bus_lost_is_sent_again_within_two_seconds()
    {
        await _h.CreateSyncedAsync("fleet");
        _h.Clock.Advance(TimeSpan.FromSeconds(5));
        await _h.AskAsync(_h.Webhook("fleet"));
        _h.Bus.Down = true;
        Assert.NotNull(await _h.Protocol.WakeAsync(["fleet"], _h.Token));
        _h.Bus.Down = false;
        Assert.Equal(0, (await _h.Protocol.ReconcileAsync(10, _h.Token)).Woken);
        _h.Clock.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(1, (await _h.Protocol.ReconcileAsync(10, _h.Token)).Woken);
        Assert.Equal("fleet", _h.Bus.Woken.Last());
    }

    [Fact]
    public async Task The_wake_up_of_a_dead_sweeper_is_sent_again_when_its_lease_has_ended()
    {
        _h.Store.Create("fleet");
        await _h.Store.ClaimAsync("fleet", "dead", _h.Token);
        _h.Clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(0, (await _h.Protocol.ReconcileAsync(10, _h.Token)).Woken);
        _h.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(1, (await _h.Protocol.ReconcileAsync(10, _h.Token)).Woken);
    }

    [Fact]
    public async Task Ten_minutes_of_downtime_do_not_end_in_a_storm_of_polls()
    {
        const int Sources = 600;
        const double Rate = Sources / 60.0;
        for (var i = 0; i < Sources; i++)
            await _h.CreateSyncedAsync($"s{i}");
        _h.Clock.Advance(TimeSpan.FromMinutes(10));
        var perSecond = new List<int>();
        for (var s = 0; s < 180; s++)
        {
            var woken = 0;
            for (var tick = 0; tick < 4; tick++)
            {
                var (polled, _) = await _h.Protocol.PollAsync(1000, _h.Token);
                woken += polled;
                foreach (var id in _h.Bus.Woken.TakeLast(polled).ToList())
                    await _h.SweepAsync(id);
                _h.Clock.Advance(TimeSpan.FromMilliseconds(250));
            }

            perSecond.Add(woken);
        }

        Assert.All(perSecond, n => Assert.InRange(n, 0, Rate * 1.5));
        Assert.All(Enumerable.Range(0, Sources), i => Assert.True(_h.Store.Source($"s{i}").Done > 1, $"s{i} was polled"));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task A_clock_that_jumps_an_hour_heals_and_steals_no_live_lease(int hours)
    {
        var source = await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.FailAsync("fleet");
        _h.Clock.JumpTo(_h.Clock.GetUtcNow().AddHours(hours));
        _h.Clock.Advance(TimeSpan.FromMinutes(2));
        var (woken, _) = await _h.Protocol.ReconcileAsync(10, _h.Token);
        Assert.Equal(1, woken);
        await _h.SweepAsync("fleet");
        Assert.Equal(0, source.Failures);
        _h.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(1, (await _h.Protocol.PollAsync(10, _h.Token)).Woken);
    }

    [Fact]
    public async Task A_message_leaves_the_outbox_only_when_its_effect_is_acknowledged()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        var run = source.Runs[0].Summary;
        var message = Assert.Single(_h.Store.Outbox.Values);
        for (var i = 0; i < 3; i++)
        {
            _h.Clock.Advance(_h.Policy.MaxRelayDelay);
            Assert.Equal(1, (await _h.Protocol.RelayAsync(10, _h.Token)).Published);
        }

        var sent = _h.Bus.Published.Where(p => p.Message is SyncRunCompleted).ToList();
        Assert.Equal(4, sent.Count);
        Assert.Single(sent.Select(p => p.Id).Distinct());
        await _h.Protocol.AcknowledgeAsync(new AuditEntryCommitted { RecordedMessageId = message.Message.Id, AuditId = 7, RunId = run.RunId }, _h.Token);
        Assert.Empty(_h.Store.Outbox);
        Assert.Equal(7, _h.Store.AuditIds[run.RunId]);
    }

    [Fact]
    public async Task A_bus_that_is_away_costs_no_commit()
    {
        _h.Bus.Down = true;
        var source = _h.Store.Create("fleet");
        await _h.SweepAsync("fleet");
        Assert.Single(source.Runs);
        Assert.Single(_h.Store.Outbox);
    }
}
