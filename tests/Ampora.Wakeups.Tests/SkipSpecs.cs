namespace Ampora.Wakeups.Tests;

/// <summary>What the protocol does with tips that change nothing that the source includes, and with trees that vanish.</summary>
public sealed class SkipSpecs
{
    private readonly Harness _h = new();

    [Fact]
    public async Task A_skipped_tip_makes_no_run_and_what_came_meanwhile_is_checked_at_once()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.SweepAsync("fleet", async (claim, _) =>
        {
            var found = Skipped(_h.Look(claim));
            if (_h.Tip == "b")
            {
                _h.Tip = "c";
                await _h.AskAsync(_h.Webhook("fleet"));
            }

            return found;
        });
        Assert.Equal(("c", 2L), (source.TipSha, source.SkippedTotal));
        Assert.Single(source.Runs);
        Assert.Equal(source.Wanted, source.Done);
        Assert.All(source.Deliveries, d => Assert.Equal("unchanged", d.Result));
    }

    [Fact]
    public async Task The_first_tip_and_one_after_failures_make_a_run_though_they_are_skipped()
    {
        var source = _h.Store.Create("fleet");
        await _h.SweepAsync("fleet", (claim, _) => Task.FromResult(Skipped(_h.Look(claim))));
        Assert.Single(source.Runs);

        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.FailAsync("fleet");
        _h.Clock.Advance(TimeSpan.FromMinutes(1));
        _h.Tip = "b";
        await _h.SweepAsync("fleet", (claim, _) => Task.FromResult(Skipped(_h.Look(claim))));
        Assert.Equal((3, 1), (source.Runs.Count, source.Runs[^1].Summary.RecoveredAfterFailures));
        Assert.Equal(0, source.SkippedTotal);
    }

    [Fact]
    public async Task A_check_whose_tree_vanished_is_done_again_under_its_claim()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        await _h.AskAsync(_h.Webhook("fleet"));
        var fences = new List<long>();
        await _h.SweepAsync("fleet", (claim, _) =>
        {
            fences.Add(claim.Fence);
            var found = _h.Look(claim);
            if (fences.Count == 1)
                source.Snapshots.Clear();
            return Task.FromResult(found);
        });
        Assert.Equal(2, fences.Count);
        Assert.Single(fences.Distinct());
        Assert.Equal(["a", "b"], source.Runs.Select(r => r.Summary.Sha));
    }

    [Fact]
    public async Task A_tree_that_vanishes_each_time_is_left_to_the_next_claim()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        await _h.AskAsync(_h.Webhook("fleet"));
        var checks = 0;
        await _h.SweepAsync("fleet", (claim, _) =>
        {
            checks++;
            var found = _h.Look(claim);
            source.Snapshots.Clear();
            return Task.FromResult(found);
        });
        Assert.Equal(3, checks);
        Assert.Null(source.LeaseOwner);
        Assert.True(source.Wanted > source.Done);
        await _h.SweepAsync("fleet");
        Assert.Equal("b", source.TipSha);
    }

    private static CheckResult Skipped(CheckResult found) => found is CheckResult.Moved moved ? moved with { Skipped = true } : found;
}
