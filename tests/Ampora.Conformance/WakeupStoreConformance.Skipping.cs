using Ampora.Wakeups;

namespace Ampora.Conformance;

/// <summary>Tips that make no run, what is learnt of the remote, and trees that vanish.</summary>
public abstract partial class WakeupStoreConformance
{
    private const string Main = "refs/heads/main";

    [Fact]
    public async Task A_skipped_tip_moves_and_is_shown_but_makes_no_run()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await AskAsync(Manual("fleet"));
        var claim = await ClaimAsync("fleet");
        Assert.Equal(new FinishResult(true, false), await SkipAsync(claim, "b"));

        Assert.Single(await Under.ReadRunsAsync("fleet"));
        Assert.Single(await Under.ReadOutboxAsync());
        Assert.Equal(["a", "b"], (await Under.ReadSweepsAsync("fleet")).Order());
        Assert.Equal(("unchanged", null), (await Under.ReadDeliveriesAsync("fleet")).Select(d => (d.Result, d.RunId)).Single());
        Assert.Null((await Under.ReadRequestsAsync("fleet"))[^1].RunId);
        Assert.Equal(new TipView("b", 1, Main, null, "b", "a", 1), await Under.ReadTipAsync("fleet"));
        Assert.Equal(1, await Under.CountSkippedEventsAsync("fleet"));

        await AskAsync(Manual("fleet"));
        claim = await ClaimAsync("fleet");
        Assert.Equal(("b", Main, 1L), (claim.TipSha, claim.TipRef, claim.TipConfig));
        await SkipAsync(claim, "c");
        Assert.Equal(new TipView("c", 1, Main, null, "c", "b", 2), await Under.ReadTipAsync("fleet"));

        // A run says what changed since the tip before, and the last skip stays noted.
        await AskAsync(Manual("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "d");
        Assert.Equal(new TipView("d", 1, Main, null, "c", "b", 2), await Under.ReadTipAsync("fleet"));
        Assert.Equal((2, 2), ((await Under.ReadRunsAsync("fleet")).Count, await Under.CountSkippedEventsAsync("fleet")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_first_check_and_one_that_recovers_make_a_run_of_a_skipped_tip(bool first)
    {
        if (first)
        {
            await Under.CreateAsync("fleet", Host, Minute);
        }
        else
        {
            await CreateSyncedAsync("fleet");
            await AskAsync(Manual("fleet"));
            await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromMilliseconds(100));
            await Under.PassAsync(Soon);
        }

        var claim = await ClaimAsync("fleet");
        await SkipAsync(claim, "b");
        Assert.Equal(RunIds.RunId(claim), (await Under.ReadRunsAsync("fleet"))[^1]);
        Assert.Equal(new TipView("b", 1, Main, null), await Under.ReadTipAsync("fleet"));
        Assert.Equal(0, await Under.CountSkippedEventsAsync("fleet"));
    }

    [Fact]
    public async Task A_skipped_tip_proves_webhooks_as_any_other()
    {
        await Under.CreateAsync("fleet", Host, Minute, adaptive: true);
        await FinishAsync(await ClaimAsync("fleet"), "a");
        await AskAsync(Webhook("fleet"));
        await SkipAsync(await ClaimAsync("fleet"), "b");
        Assert.Equal(2 * Minute, (await Under.ReadWebhookAsync("fleet")).PollInterval);
    }

    [Fact]
    public async Task A_skipped_tip_that_only_a_poll_found_counts_as_missed()
    {
        await CreateSyncedAsync("fleet");
        await Under.GiveSecretAsync("fleet");
        await Under.PassAsync(2 * Minute);
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        await SkipAsync(await ClaimAsync("fleet"), "b");
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.Equal([new JudgedCommit("fleet", "b", Missed: true)], await Store.TakeUnannouncedAsync(Grace, 10, Token));
        Assert.Equal(1, (await Under.ReadWebhookAsync("fleet")).MissedTotal);
    }

    [Fact]
    public async Task A_known_tip_that_was_looked_at_anew_under_other_settings_is_no_transition()
    {
        await Under.CreateAsync("fleet", Host, Minute, adaptive: true);
        await Under.GiveSecretAsync("fleet");
        await FinishAsync(await ClaimAsync("fleet"), "a");
        await Under.ChangeSettingsAsync("fleet");
        await AskAsync(Webhook("fleet"));
        var claim = await ClaimAsync("fleet");
        Assert.Equal(("a", 1L, 2L, null), (claim.TipSha, claim.TipConfig, claim.Config, claim.TipRef));
        await SkipAsync(claim, "a");
        Assert.Equal(new TipView("a", 2, Main, null), await Under.ReadTipAsync("fleet"));
        Assert.Single(await Under.ReadRunsAsync("fleet"));
        Assert.Equal(0, await Under.CountSkippedEventsAsync("fleet"));
        Assert.Equal(Minute, (await Under.ReadWebhookAsync("fleet")).PollInterval);

        await Under.PassAsync(2 * Minute);
        await Under.ChangeSettingsAsync("fleet");
        await SkipAsync(await ClaimAsync("fleet"), "a");
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.Empty(await Store.TakeUnannouncedAsync(Grace, 10, Token));
    }

    [Fact]
    public async Task What_a_check_learns_of_the_remote_is_kept_until_the_settings_change()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Manual("fleet"));
        var claim = await ClaimAsync("fleet");
        var found = await FoundAsync(claim, "a") with { RefName = "refs/heads/trunk", MovedTo = "https://git.test/new.git" };
        await Store.FinishAsync(claim, found, Token);
        Assert.Equal(new TipView("a", 1, "refs/heads/trunk", "https://git.test/new.git"), await Under.ReadTipAsync("fleet"));

        await Under.ChangeSettingsAsync("fleet");
        Assert.Equal(new TipView("a", 1, null, null), await Under.ReadTipAsync("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "a");
        Assert.Equal(new TipView("a", 1, Main, null), await Under.ReadTipAsync("fleet"));
    }

    [Fact]
    public async Task A_finish_whose_tree_has_vanished_commits_nothing_and_the_claim_holds()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await AskAsync(Webhook("fleet"));
        var claim = await ClaimAsync("fleet");
        var before = await Under.ReadAsync("fleet");
        var found = await FoundAsync(claim, "a");
        await Under.RemoveSnapshotAsync("fleet", "a");
        Assert.Equal(new FinishResult(false, false, SnapshotVanished: true), await Store.FinishAsync(claim, found, Token));

        Assert.Equal(before with { NextPollIn = default }, await Under.ReadAsync("fleet") with { NextPollIn = default });
        Assert.Equal(2, (await Under.ReadRunsAsync("fleet")).Count);
        Assert.Equal(2, (await Under.ReadOutboxAsync()).Count);
        Assert.Equal("pending", (await Under.ReadDeliveriesAsync("fleet"))[^1].Result);
        Assert.True(await Store.RenewAsync(claim, Token));

        // Staged again, it is committed under the same claim.
        Assert.True((await FinishAsync(claim, "a")).Committed);
        Assert.Equal(RunIds.RunId(claim), (await Under.ReadRunsAsync("fleet"))[^1]);
    }
}
