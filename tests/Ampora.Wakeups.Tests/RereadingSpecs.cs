using Ampora.Contracts;
using Ampora.Simulation.Model;

namespace Ampora.Wakeups.Tests;

/// <summary>A Git host whose replicas lag its webhooks, with a scheduler that looks every 250 ms and a sweeper that takes what it is told of.</summary>
public sealed class RereadingSpecs
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    private readonly Harness _h = new();
    private readonly List<double> _checks = [];
    private DateTimeOffset _start;
    private DateTimeOffset? _revisitAt;
    private int _told;

    [Fact]
    public async Task A_commit_that_was_announced_is_read_for_every_two_seconds_until_it_is_the_tip()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet", announcedSha: "b"));
        await PassAsync(9);
        Assert.Equal("pending", Assert.Single(source.Deliveries).Result);
        Assert.Null(source.LeaseOwner);
        _h.Tip = "b";
        await PassAsync(3);

        Assert.Equal(6, _checks.Count);
        Assert.All(_checks.Zip(_checks.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 2, 2.5));
        var run = source.Runs[^1].Summary;
        Assert.Equal(("b", "webhook"), (run.Sha, run.Trigger));
        Assert.Equal(("run", run.RunId), (source.Deliveries[0].Result, source.Deliveries[0].RunId));
        Assert.Equal(source.Wanted, source.Done);
        await PassAsync(60);
        Assert.Equal(6, _checks.Count);
    }

    [Fact]
    public async Task A_commit_that_never_shows_is_read_for_half_a_minute()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet", announcedSha: "nowhere"));
        await PassAsync(120);
        Assert.InRange(_checks[^1], 30, 33);
        Assert.InRange(_checks.Count, 13, 17);
        Assert.Equal("unchanged", Assert.Single(source.Deliveries).Result);
        Assert.Equal(source.Wanted, source.Done);
        Assert.Single(source.Runs);
    }

    [Fact]
    public async Task A_tip_that_moves_elsewhere_ends_the_wait()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet", announcedSha: "b"));
        await PassAsync(3);
        _h.Tip = "c";
        await PassAsync(60);
        Assert.Equal(["a", "c"], source.Runs.Select(r => r.Summary.Sha));
        Assert.Equal(3, _checks.Count);
    }

    [Fact]
    public async Task An_announced_commit_that_is_the_tip_already_is_read_once()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet", announcedSha: "a"));
        await PassAsync(60);
        Assert.Single(_checks);
        Assert.Equal("unchanged", Assert.Single(source.Deliveries).Result);
    }

    [Fact]
    public async Task A_webhook_that_names_no_commit_is_read_for_exactly_once_more()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet"));
        await PassAsync(1.5);
        Assert.Equal("pending", Assert.Single(source.Deliveries).Result);
        await PassAsync(60);
        Assert.Equal(2, _checks.Count);
        Assert.InRange(_checks[1] - _checks[0], 2, 2.5);
        Assert.Equal("unchanged", Assert.Single(source.Deliveries).Result);
        Assert.Equal(source.Wanted, source.Done);
    }

    [Fact]
    public async Task What_shows_at_the_second_reading_is_the_webhooks_run()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet"));
        await PassAsync(1);
        _h.Tip = "b";
        await PassAsync(3);
        Assert.Equal(("b", "webhook"), (source.Runs[^1].Summary.Sha, source.Runs[^1].Summary.Trigger));
        Assert.Equal("run", Assert.Single(source.Deliveries).Result);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("nowhere")]
    public async Task A_flood_without_a_push_costs_at_most_four_checks_a_second_answers_each_in_its_time_and_ends(string? announced)
    {
        var source = await CreateAsync();
        for (var i = 0; i < 1200; i++)
        {
            await WakeAsync(_h.Webhook("fleet", announcedSha: announced));
            await PassAsync(Step.TotalSeconds);
        }

        Assert.All(_checks, first => Assert.InRange(_checks.Count(c => c >= first && c < first + 1), 1, 4));
        // What the flood began with does not wait for its end.
        var longest = announced is null ? 5 : 65;
        Assert.All(source.Deliveries.Where(d => d.Delivery.ReceivedAt < _h.Clock.GetUtcNow().AddSeconds(-longest)), d => Assert.Equal("unchanged", d.Result));

        var then = _h.Clock.GetUtcNow();
        await PassAsync(120);
        Assert.True(_checks[^1] <= (then - _start).TotalSeconds + 33, "the re-reads end");
        Assert.All(source.Deliveries, d => Assert.Equal("unchanged", d.Result));
        Assert.Equal(source.Wanted, source.Done);
        Assert.Single(source.Runs);
    }

    [Fact]
    public async Task Each_of_many_webhooks_that_name_no_commit_is_followed_by_a_reading_two_seconds_later()
    {
        var source = await CreateAsync();
        var answered = new Dictionary<ModelDelivery, double>();
        for (var i = 0; i < 400; i++)
        {
            if (i % 7 == 0)
                await WakeAsync(_h.Webhook("fleet"));
            await PassAsync(Step.TotalSeconds);
            foreach (var delivery in source.Deliveries.Where(d => d.Result == "unchanged"))
                answered.TryAdd(delivery, _checks[^1]);
        }

        Assert.True(answered.Count > 40);
        Assert.All(answered, pair => Assert.True(
            pair.Value >= (pair.Key.Delivery.ReceivedAt - _start).TotalSeconds + 2, "answered by a reading that came two seconds after it at least"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_comes_during_a_postponement_is_checked_within_the_quiet_period(bool webhook)
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet", announcedSha: "b"));
        await PassAsync(1);
        _h.Tip = "c";
        await WakeAsync(webhook ? _h.Webhook("fleet", announcedSha: "c") : new ManualAsk("fleet", "req_1", "token:ops"));
        await PassAsync(0.3);
        Assert.Equal("c", source.Runs[^1].Summary.Sha);
        Assert.Equal(2, _checks.Count);
        await PassAsync(60);
        Assert.Equal(2, _checks.Count);
    }

    [Fact]
    public async Task A_poll_is_read_once_and_waits_for_nothing()
    {
        var source = await CreateAsync();
        _h.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, (await _h.Protocol.PollAsync(10, _h.Token)).Woken);
        await PassAsync(10);
        Assert.Single(_checks);
        Assert.Equal(source.Wanted, source.Done);
    }

    [Fact]
    public async Task A_sweeper_that_dies_during_a_postponement_or_in_the_second_reading_delays_it_and_loses_nothing()
    {
        var source = await CreateAsync();
        await WakeAsync(_h.Webhook("fleet", announcedSha: "b"));
        await PassAsync(3);
        // Nobody renews this claim, and its check never ends.
        _h.Clock.Advance(TimeSpan.FromSeconds(1.5));
        Assert.NotNull((await _h.Store.ClaimAsync("fleet", "dead", _h.Token)).Claim);
        await PassAsync(9);
        Assert.Equal("pending", Assert.Single(source.Deliveries).Result);
        _h.Tip = "b";
        await PassAsync(3);
        Assert.Equal("b", source.Runs[^1].Summary.Sha);
    }

    [Fact]
    public async Task There_and_back_again_is_two_runs_that_wait_for_nothing()
    {
        var source = await CreateAsync();
        _h.Tip = "b";
        await WakeAsync(_h.Webhook("fleet", announcedSha: "b"));
        await PassAsync(0.5);
        _h.Tip = "a";
        await WakeAsync(_h.Webhook("fleet", announcedSha: "a"));
        await PassAsync(60);
        Assert.Equal(["a", "b", "a"], source.Runs.Select(r => r.Summary.Sha));
        Assert.Equal(2, _checks.Count);
    }

    [Fact]
    public async Task There_and_back_before_anybody_looked_is_read_once()
    {
        await CreateAsync();
        await _h.Protocol.AskAsync([_h.Webhook("fleet", announcedSha: "b"), _h.Webhook("fleet", announcedSha: "a")], _h.Token);
        await _h.Protocol.WakeAsync(["fleet"], _h.Token);
        await PassAsync(60);
        Assert.Single(_checks);
    }

    [Fact]
    public async Task The_first_success_after_a_failure_is_a_run_at_once_and_the_tip_is_still_read_again()
    {
        var source = await CreateAsync();
        await _h.AskAsync(_h.Webhook("fleet", announcedSha: "b"));
        await _h.FailAsync("fleet");
        await PassAsync(11);
        Assert.Equal((0, 1), (source.Failures, source.Runs[^1].Summary.RecoveredAfterFailures));
        Assert.True(source.Wanted > source.Done);
        _h.Tip = "b";
        await PassAsync(5);
        Assert.Equal("b", source.Runs[^1].Summary.Sha);
    }

    [Fact]
    public async Task A_retry_names_the_delivery_because_of_which_it_was_made()
    {
        var source = await CreateAsync();
        _h.Tip = "b";
        await WakeAsync(new ManualAsk("fleet", "req_1", "token:ops", "dlv_old"));
        await PassAsync(1);
        Assert.Equal([new RunTrigger("manual", "dlv_old", "req_1", "token:ops")], source.Runs[^1].Summary.TriggeredBy);
    }

    private async Task<ModelSource> CreateAsync()
    {
        var source = _h.Store.Create("fleet", interval: TimeSpan.FromHours(1));
        await _h.SweepAsync("fleet");
        _h.Clock.Advance(TimeSpan.FromSeconds(10));
        _start = _h.Clock.GetUtcNow();
        return source;
    }

    private async Task WakeAsync(Ask ask)
    {
        Assert.Equal(AskOutcome.Accepted, await _h.AskAsync(ask));
        await _h.Protocol.WakeAsync(["fleet"], _h.Token);
        await SweepIfToldAsync();
    }

    /// <summary>Lets time pass in small steps, in which the scheduler and the sweeper do what they do.</summary>
    private async Task PassAsync(double seconds)
    {
        for (var end = _h.Clock.GetUtcNow().AddSeconds(seconds); _h.Clock.GetUtcNow() < end;)
        {
            _h.Clock.Advance(Step);
            if ((_h.Clock.GetUtcNow() - _start).Ticks % TimeSpan.FromMilliseconds(250).Ticks == 0)
                await _h.Protocol.ReconcileAsync(10, _h.Token);
            await SweepIfToldAsync();
        }
    }

    private async Task SweepIfToldAsync()
    {
        var told = _h.Bus.Woken.Count();
        if (told == _told && !(_revisitAt <= _h.Clock.GetUtcNow()))
            return;
        _told = told;
        _revisitAt = null;
        var pause = await _h.SweepAsync("fleet", (claim, _) =>
        {
            _checks.Add((_h.Clock.GetUtcNow() - _start).TotalSeconds);
            return Task.FromResult(_h.Look(claim));
        });
        _revisitAt = _h.Clock.GetUtcNow() + pause;
    }
}
