using Ampora.Contracts;

namespace Ampora.Wakeups.Tests;

public sealed class SweepSpecs
{
    private readonly Harness _h = new();

    [Fact]
    public async Task A_new_sources_first_run_is_initial_whoever_asked()
    {
        var source = _h.Store.Create("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.SweepAsync("fleet");
        var run = Assert.Single(source.Runs).Summary;
        Assert.Equal("initial", run.Trigger);
        Assert.Null(run.PreviousSha);
        Assert.Equal("a", run.Sha);
    }

    [Theory]
    [InlineData(true, true, "webhook")]
    [InlineData(true, false, "webhook")]
    [InlineData(false, true, "manual")]
    [InlineData(false, false, "poll")]
    public async Task A_run_is_attributed_to_the_strongest_of_what_its_check_covers(bool webhook, bool manual, string trigger)
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Clock.Advance(TimeSpan.FromMinutes(2));
        _h.Tip = "b";
        Assert.Single(await _h.Store.TakeDuePollsAsync(10, _h.Token));
        if (manual)
            await _h.AskAsync(new ManualAsk("fleet", "req_1", "token:admin"));
        if (webhook)
            await _h.AskAsync(_h.Webhook("fleet"));
        await _h.SweepAsync("fleet");
        Assert.Equal(trigger, source.Runs[^1].Summary.Trigger);
    }

    [Fact]
    public async Task A_thousand_webhooks_for_one_new_tip_make_one_check_and_one_run_that_every_delivery_names()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        var checks = 0;
        await _h.Protocol.AskAsync([.. Enumerable.Range(0, 1000).Select(_ => _h.Webhook("fleet"))], _h.Token);
        for (var i = 0; i < 1000; i++)
        {
            await _h.SweepAsync("fleet", (claim, _) =>
            {
                checks++;
                return Task.FromResult(_h.Look(claim));
            });
        }

        Assert.Equal(1, checks);
        var run = source.Runs[^1].Summary;
        Assert.Equal("b", run.Sha);
        Assert.All(source.Deliveries, d => Assert.Equal(("run", run.RunId), (d.Result, d.RunId)));
        Assert.Equal(SyncRunCompleted.MaxTriggeredBy, run.TriggeredBy.Count);
    }

    [Fact]
    public async Task A_push_that_lands_after_the_tip_was_read_is_swept_by_the_next_check_at_once()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.SweepAsync("fleet", async (claim, _) =>
        {
            var seen = _h.Look(claim);
            if (_h.Tip == "b")
            {
                _h.Tip = "c";
                await _h.AskAsync(_h.Webhook("fleet"));
            }

            return seen;
        });
        Assert.Equal(["a", "b", "c"], source.Runs.Select(r => r.Summary.Sha));
        Assert.Equal(source.Wanted, source.Done);
    }

    [Fact]
    public async Task Requests_during_one_check_cause_one_further_check()
    {
        await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        var checks = 0;
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.SweepAsync("fleet", async (claim, _) =>
        {
            if (++checks == 1)
            {
                for (var i = 0; i < 50; i++)
                    await _h.AskAsync(_h.Webhook("fleet"));
            }

            return _h.Look(claim);
        });
        Assert.Equal(2, checks);
    }

    [Fact]
    public async Task A_trickle_of_webhooks_without_a_push_costs_at_most_four_checks_a_second()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Clock.Advance(TimeSpan.FromSeconds(1));
        var checks = 0;
        for (var ms = 0; ms < 10_000; ms += 10)
        {
            await _h.AskAsync(_h.Webhook("fleet"));
            await _h.SweepAsync("fleet", (claim, _) =>
            {
                checks++;
                return Task.FromResult(_h.Look(claim));
            });
            _h.Clock.Advance(TimeSpan.FromMilliseconds(10));
        }

        Assert.InRange(checks, 1, 40);
        Assert.Single(source.Runs);
    }

    [Fact]
    public async Task A_claim_refused_by_a_short_pause_says_when_to_come_back()
    {
        await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.SweepAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        var retryIn = await _h.SweepAsync("fleet");
        Assert.Equal(_h.Policy.QuietPeriod, retryIn);
    }

    [Fact]
    public async Task Only_one_sweeper_checks_a_source_at_a_time()
    {
        await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        var other = new WakeupProtocol(_h.Store, _h.Bus, _h.Policy, "sweeper-2");
        await _h.SweepAsync("fleet", async (claim, _) =>
        {
            await other.SweepAsync("fleet", new Harness.ScriptedCheck((_, _) => throw new InvalidOperationException("checked twice")), _h.Token);
            return _h.Look(claim);
        });
    }

    [Fact]
    public async Task A_paused_source_records_the_webhook_as_ignored_and_is_checked_when_it_is_resumed()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Store.Pause("fleet");
        Assert.Equal(AskOutcome.Paused, await _h.AskAsync(_h.Webhook("fleet")));
        Assert.Equal("source_paused", Assert.Single(source.Deliveries).Reason);
        _h.Tip = "b";
        await _h.SweepAsync("fleet");
        Assert.Single(source.Runs);
        _h.Store.Resume("fleet");
        await _h.SweepAsync("fleet");
        Assert.Equal("b", source.Runs[^1].Summary.Sha);
    }

    [Fact]
    public async Task A_webhook_verified_against_a_rotated_secret_writes_nothing()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Store.ChangeSecrets("fleet");
        Assert.Equal(AskOutcome.StaleSecret, await _h.AskAsync(_h.Webhook("fleet", secretVersion: 1)));
        Assert.Empty(source.Deliveries);
        Assert.Equal(source.Wanted, source.Done);
    }

    [Fact]
    public async Task Who_waits_for_a_place_on_a_host_is_woken_when_one_is_free()
    {
        for (var i = 0; i < 9; i++)
            _h.Store.Create($"s{i}");
        var release = new TaskCompletionSource();
        var held = Enumerable.Range(0, 8).Select(i => _h.SweepAsync($"s{i}", async (claim, _) =>
        {
            await release.Task;
            return _h.Look(claim);
        })).ToList();
        await _h.SweepAsync("s8");
        Assert.Empty(_h.Store.Source("s8").Runs);
        Assert.DoesNotContain("s8", _h.Bus.Woken);
        release.SetResult();
        await Task.WhenAll(held);
        Assert.Contains("s8", _h.Bus.Woken);
        await _h.SweepAsync("s8");
        Assert.Single(_h.Store.Source("s8").Runs);
    }
}
