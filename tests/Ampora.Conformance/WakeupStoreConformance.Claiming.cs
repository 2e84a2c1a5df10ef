using Ampora.Contracts;

namespace Ampora.Conformance;

public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task Nothing_wanted_or_no_such_source_is_no_claim()
    {
        await CreateSyncedAsync("fleet");
        Assert.Equal(Ampora.Wakeups.ClaimResult.None, await Store.ClaimAsync("fleet", "sweeper-1", Token));
        Assert.Equal(Ampora.Wakeups.ClaimResult.None, await Store.ClaimAsync("nobody", "sweeper-1", Token));
    }

    [Fact]
    public async Task A_claim_covers_what_was_asked_before_it_and_nothing_later()
    {
        await CreateSyncedAsync("fleet");
        await Store.AskAsync([Webhook("fleet"), Webhook("fleet")], Token);
        var claim = await ClaimAsync("fleet");
        Assert.Equal((1, 3), (claim.Done, claim.Covered));
        await AskAsync(Manual("fleet"));

        Assert.Equal(new(Committed: true, MoreWanted: true), await FinishAsync(claim, "b"));
        var next = await ClaimAsync("fleet");
        Assert.Equal((3, 4, "manual"), (next.Done, next.Covered, next.Trigger));
        Assert.Equal(new(Committed: true, MoreWanted: false), await FinishAsync(next, "b"));
    }

    [Fact]
    public async Task A_live_lease_keeps_others_out_and_an_ended_one_does_not()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var dead = await ClaimAsync("fleet", "sweeper-1");
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(Under.Policy.Lease - TimeSpan.FromSeconds(1));
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(TimeSpan.FromSeconds(1.1));
        var claim = await ClaimAsync("fleet", "sweeper-2");
        Assert.True(claim.Fence > dead.Fence);

        Assert.False(await Store.RenewAsync(dead, Token));
        Assert.False(await Store.ReleaseAsync(dead, Token));
        Assert.False((await FinishAsync(dead, "old")).Committed);
        Assert.False((await FailAsync(dead)).Committed);
        Assert.True((await FinishAsync(claim, "a")).Committed);
        Assert.Equal("a", (await Under.ReadAsync("fleet")).TipSha);
        Assert.Single(await Under.ReadRunsAsync("fleet"));
    }

    [Fact]
    public async Task A_renewed_lease_lives_on()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        for (var i = 0; i < 4; i++)
        {
            await Under.PassAsync(Under.Policy.Lease * 0.8);
            Assert.True(await Store.RenewAsync(claim, Token));
            await AssertNotClaimableAsync("fleet");
        }

        Assert.True((await FinishAsync(claim, "a")).Committed);
    }

    [Fact]
    public async Task A_released_claim_may_be_taken_at_once_and_covers_the_same()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        Assert.True(await Store.ReleaseAsync(claim, Token));
        Assert.False(await Store.ReleaseAsync(claim, Token));
        var next = await ClaimAsync("fleet");
        Assert.Equal(claim.Covered, next.Covered);
        Assert.True(next.Fence > claim.Fence);
        Assert.False((await FinishAsync(claim, "a")).Committed);
    }

    [Fact]
    public async Task A_pause_refuses_the_check_in_flight()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        var claim = await ClaimAsync("fleet");
        await Under.PauseAsync("fleet");
        Assert.False(await Store.RenewAsync(claim, Token));
        Assert.False((await FinishAsync(claim, "b")).Committed);
        Assert.Equal("a", (await Under.ReadAsync("fleet")).TipSha);

        await Under.ResumeAsync("fleet");
        Assert.True((await ClaimAsync("fleet")).CoversWebhook);
    }

    [Fact]
    public async Task Changed_settings_refuse_the_check_in_flight_and_ask_for_another()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        var claim = await ClaimAsync("fleet");
        await Under.ChangeSettingsAsync("fleet");
        Assert.False((await FinishAsync(claim, "b")).Committed);
        Assert.False((await FailAsync(claim)).Committed);

        var next = await ClaimAsync("fleet");
        Assert.Equal((claim.Config + 1, claim.Covered + 1, true), (next.Config, next.Covered, next.CoversManual));
    }

    [Fact]
    public async Task Changed_settings_end_a_back_off()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Manual("fleet"));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromMinutes(10), retryAfter: TimeSpan.FromMinutes(10));
        await Under.ChangeSettingsAsync("fleet");
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task A_source_created_anew_under_its_slug_has_nothing_to_do_with_claims_of_the_old_one()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var old = await ClaimAsync("fleet");
        await Under.DeleteAsync("fleet");
        Assert.False((await FinishAsync(old, "old")).Committed);
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        Assert.NotEqual(old.SourceUid, claim.SourceUid);

        // The same process, and perhaps the same fence.
        Assert.False(await Store.RenewAsync(old, Token));
        Assert.False((await FinishAsync(old, "old")).Committed);
        Assert.True((await FinishAsync(claim, "a")).Committed);
    }

    [Fact]
    public async Task After_a_check_that_found_nothing_new_the_next_waits_for_the_quiet_period()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "a");
        await AskAsync(Webhook("fleet"));
        var refused = await Store.ClaimAsync("fleet", "sweeper-1", Token);
        Assert.Null(refused.Claim);
        Assert.NotNull(refused.RetryIn);
        Assert.InRange(refused.RetryIn.Value, TimeSpan.Zero, Under.Policy.QuietPeriod);
        await Under.PassAsync(Soon);
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task After_a_check_that_found_something_new_the_next_may_start_at_once()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await AskAsync(Webhook("fleet"));
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task A_long_back_off_is_left_to_reconciliation()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromSeconds(8));
        Assert.Equal(Ampora.Wakeups.ClaimResult.None, await Store.ClaimAsync("fleet", "sweeper-1", Token));
    }

    [Fact]
    public async Task The_strongest_of_what_is_covered_names_the_trigger()
    {
        await CreateSyncedAsync("fleet", interval: TimeSpan.FromSeconds(10));
        await Under.PassAsync(TimeSpan.FromSeconds(12));
        Assert.Equal(["fleet"], await Store.TakeDuePollsAsync(10, Token));
        var claim = await ClaimAsync("fleet");
        Assert.Equal("poll", claim.Trigger);
        Assert.Equal([new RunTrigger("poll", null, null, null)], await Store.ReadTriggersAsync(claim, 10, Token));
        await Store.ReleaseAsync(claim, Token);

        var manual = Manual("fleet");
        await AskAsync(manual);
        claim = await ClaimAsync("fleet");
        Assert.Equal("manual", claim.Trigger);
        Assert.Equal([new RunTrigger("manual", null, manual.RequestId, manual.Actor)], await Store.ReadTriggersAsync(claim, 10, Token));
        await Store.ReleaseAsync(claim, Token);

        var webhook = Webhook("fleet");
        await AskAsync(webhook);
        claim = await ClaimAsync("fleet");
        Assert.Equal("webhook", claim.Trigger);
        Assert.Equal(
            [new RunTrigger("manual", null, manual.RequestId, manual.Actor), new RunTrigger("webhook", webhook.Delivery.DeliveryId, null, "192.0.2.1")],
            await Store.ReadTriggersAsync(claim, 10, Token));
        Assert.Single(await Store.ReadTriggersAsync(claim, 1, Token));
    }

    [Fact]
    public async Task A_clock_that_jumps_back_ends_leases_and_waits_that_it_would_make_endless()
    {
        await CreateSyncedAsync("leased");
        await CreateSyncedAsync("failing");
        await AskAsync(Webhook("leased"));
        await ClaimAsync("leased");
        await AskAsync(Webhook("failing"));
        await FailAsync(await ClaimAsync("failing"), TimeSpan.FromMinutes(5), retryAfter: TimeSpan.FromMinutes(5));
        await Under.JumpBackAsync(TimeSpan.FromHours(1));
        await ClaimAsync("leased", "sweeper-2");
        await ClaimAsync("failing", "sweeper-2");
    }

    [Fact]
    public async Task Host_places_are_few_and_whoever_waits_longest_gets_the_next()
    {
        var ids = Enumerable.Range(0, Under.Policy.ChecksPerHost + 2).Select(i => $"source-{i:d2}").ToList();
        foreach (var id in ids)
        {
            await Under.CreateAsync(id, Host, Minute);
            await Under.PassAsync(TimeSpan.FromMilliseconds(10));
        }

        await Under.CreateAsync("elsewhere", "other.test:443", Minute);
        var claims = new List<Ampora.Wakeups.Claim>();
        foreach (var id in ids.Take(Under.Policy.ChecksPerHost))
            claims.Add(await ClaimAsync(id));
        foreach (var id in ids.Skip(Under.Policy.ChecksPerHost).Reverse())
        {
            Assert.Equal(Ampora.Wakeups.ClaimResult.None, await Store.ClaimAsync(id, "sweeper-2", Token));
            Assert.True((await Under.ReadAsync(id)).WaitingForHost);
        }

        await ClaimAsync("elsewhere");
        await FinishAsync(claims[0], "a");
        Assert.Empty(await Store.TakeWaitingForHostAsync("other.test:443", Token));
        Assert.Equal([ids[^2]], await Store.TakeWaitingForHostAsync(Host, Token));
        await ClaimAsync(ids[^2]);
        Assert.Empty(await Store.TakeWaitingForHostAsync(Host, Token));
        await FinishAsync(claims[1], "a");
        Assert.Equal([ids[^1]], await Store.TakeWaitingForHostAsync(Host, Token));
        Assert.Empty(await Store.TakeWaitingForHostAsync(Host, Token));

        // Only live leases count: all these sweepers are dead.
        await Under.PassAsync(Under.Policy.Lease + TimeSpan.FromSeconds(1));
        await ClaimAsync(ids[^1]);
    }

    [Fact]
    public async Task Concurrent_claims_never_exceed_a_hosts_places()
    {
        var ids = Enumerable.Range(0, 24).Select(i => $"source-{i:d2}").ToList();
        foreach (var id in ids)
            await Under.CreateAsync(id, Host, Minute);
        for (var round = 0; round < 3; round++)
        {
            var attempts = await Task.WhenAll(ids.Select((id, i) => Task.Run(() => Store.ClaimAsync(id, $"sweeper-{i % 4}", Token), Token)));
            var claims = attempts.Select(a => a.Claim).OfType<Ampora.Wakeups.Claim>().ToList();
            Assert.Equal(Under.Policy.ChecksPerHost, claims.Count);
            await Task.WhenAll(claims.Select(claim => Task.Run(() => Store.ReleaseAsync(claim, Token), Token)));
        }
    }

    [Fact]
    public async Task Of_many_claims_of_one_source_at_once_one_succeeds()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var attempts = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => Store.ClaimAsync("fleet", $"sweeper-{i}", Token), Token)));
        Assert.Single(attempts, a => a.Claim is not null);
    }
}
