using Ampora.Wakeups;

namespace Ampora.Conformance;

public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task What_a_webhook_announces_is_expected_for_half_a_minute()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await Under.PassAsync(TimeSpan.FromSeconds(29));
        var claim = await ClaimAsync("fleet");
        Assert.Equal(("b", true, claim.Covered), (claim.ExpectedSha, claim.ExpectationIsOpen, claim.LatestWebhook));
        Assert.True(await Store.ReleaseAsync(claim, Token));
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        Assert.False((await ClaimAsync("fleet")).ExpectationIsOpen);
    }

    [Fact]
    public async Task Nothing_is_expected_because_of_a_poll_an_operator_or_an_ignored_delivery()
    {
        await CreateSyncedAsync("fleet");
        await Store.AskAsync([Manual("fleet"), Webhook("fleet", ignoredBecause: "ping")], Token);
        var claim = await ClaimAsync("fleet");
        Assert.Equal((null, false), (claim.ExpectedSha, claim.ExpectationIsOpen));
    }

    [Fact]
    public async Task The_latest_commit_that_was_announced_is_expected_and_a_webhook_that_names_none_does_not_end_the_wait_for_it()
    {
        await CreateSyncedAsync("fleet");
        await Store.AskAsync([Announcing("fleet", "b"), Announcing("fleet", "c"), Webhook("fleet")], Token);
        await Under.PassAsync(TimeSpan.FromSeconds(20));
        await AskAsync(Webhook("fleet"));
        await Under.PassAsync(TimeSpan.FromSeconds(9));
        var claim = await ClaimAsync("fleet");
        Assert.Equal(("c", true), (claim.ExpectedSha, claim.ExpectationIsOpen));
        await Store.ReleaseAsync(claim, Token);

        // Nor does it prolong it. Once that wait is over, it is awaited for itself.
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        await AskAsync(Webhook("fleet"));
        claim = await ClaimAsync("fleet");
        Assert.Equal((null, true), (claim.ExpectedSha, claim.ExpectationIsOpen));
    }

    [Fact]
    public async Task A_postponed_check_is_taken_up_by_reconciliation_as_soon_as_its_time_has_come()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        var claim = await ClaimAsync("fleet");
        Assert.Equal(new FinishResult(true, false), await PostponeAsync(claim));

        var row = await Under.ReadAsync("fleet");
        Assert.Equal((2, 1, claim.Fence + 1), (row.Wanted, row.Done, row.Fence));
        Assert.Equal("pending", Assert.Single(await Under.ReadDeliveriesAsync("fleet")).Result);
        await Under.PassAsync(TimeSpan.FromSeconds(1.5));
        await AssertNotClaimableAsync("fleet");
        Assert.Empty(await Store.TakeUnfinishedAsync(10, Token));

        await Under.PassAsync(TimeSpan.FromSeconds(0.6));
        Assert.Equal(["fleet"], await Store.TakeUnfinishedAsync(10, Token));
        var again = await ClaimAsync("fleet");
        Assert.Equal((claim.Done, claim.Covered, "webhook"), (again.Done, again.Covered, again.Trigger));
        Assert.Equal((claim.Covered, true), (again.RereadCovers, again.RereadIsDue));
        // How long it took counts from the request.
        Assert.True(again.AskedAt < claim.ClaimedAt + TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_postponement_tried_again_changes_nothing_and_the_old_claim_is_worth_nothing()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        var claim = await ClaimAsync("fleet");
        Assert.True((await PostponeAsync(claim)).Committed);
        Assert.Equal(default, await PostponeAsync(claim));
        Assert.Equal(default, await FinishAsync(claim, "b"));
        Assert.False(await Store.RenewAsync(claim, Token));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_during_a_postponement_waits_for_a_quiet_period_at_most(bool webhook)
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await PostponeAsync(await ClaimAsync("fleet"), by: TimeSpan.FromSeconds(30));
        await AskAsync(webhook ? Webhook("fleet") : Manual("fleet"));
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(Soon);
        var claim = await ClaimAsync("fleet");
        Assert.Equal((3, false, !webhook), (claim.Covered, claim.RereadIsDue, claim.CoversManual));

        // What comes while that one is checked waits no longer either.
        await AskAsync(webhook ? Webhook("fleet") : Manual("fleet"));
        Assert.Equal(new FinishResult(true, true), await PostponeAsync(claim, by: TimeSpan.FromSeconds(30)));
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(Soon);
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task A_postponement_that_is_due_already_still_keeps_the_quiet_period()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await PostponeAsync(await ClaimAsync("fleet"), by: -Minute);
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(Soon);
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task A_postponement_may_answer_the_first_of_what_it_covers()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await PostponeAsync(await ClaimAsync("fleet"));
        await Under.PassAsync(TimeSpan.FromSeconds(1));
        await AskAsync(Webhook("fleet"));
        var before = await Under.NowAsync();
        await Under.PassAsync(TimeSpan.FromSeconds(1.1));
        var claim = await ClaimAsync("fleet");
        Assert.Equal((2L, 3, true), (claim.RereadCovers, claim.Covered, claim.RereadIsDue));
        await PostponeAsync(claim, done: 2, covers: 3);
        Assert.Equal(["unchanged", "pending"], (await Under.ReadDeliveriesAsync("fleet")).Select(d => d.Result));
        Assert.Equal((3, 2), ((await Under.ReadAsync("fleet")).Wanted, (await Under.ReadAsync("fleet")).Done));

        await Under.PassAsync(TimeSpan.FromSeconds(2.1));
        claim = await ClaimAsync("fleet");
        Assert.Equal((2, 3, 3L, true), (claim.Done, claim.Covered, claim.RereadCovers, claim.RereadIsDue));
        Assert.True(claim.AskedAt <= before, "the oldest that is left was asked for before it was claimed");
        await FinishAsync(claim, "a");
        Assert.Equal(["unchanged", "unchanged"], (await Under.ReadDeliveriesAsync("fleet")).Select(d => d.Result));
        await AskAsync(Manual("fleet"));
        await Under.PassAsync(Soon);
        Assert.Null((await ClaimAsync("fleet")).RereadCovers);
    }

    [Fact]
    public async Task A_finish_ends_what_is_expected_but_not_what_came_after_its_claim()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        var claim = await ClaimAsync("fleet");
        await AskAsync(Announcing("fleet", "c"));
        await FinishAsync(claim, "b");
        claim = await ClaimAsync("fleet");
        Assert.Equal(("c", true, null), (claim.ExpectedSha, claim.ExpectationIsOpen, claim.RereadCovers));
        await FinishAsync(claim, "c");
        await AskAsync(Manual("fleet"));
        Assert.False((await ClaimAsync("fleet")).ExpectationIsOpen);
    }

    [Fact]
    public async Task A_failure_leaves_what_is_expected()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await PostponeAsync(await ClaimAsync("fleet"));
        await Under.PassAsync(TimeSpan.FromSeconds(2.1));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromSeconds(6));
        await Under.PassAsync(TimeSpan.FromSeconds(6.1));
        var claim = await ClaimAsync("fleet");
        Assert.Equal(("b", true, 2L, 1), (claim.ExpectedSha, claim.ExpectationIsOpen, claim.RereadCovers, claim.Failures));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pause_and_other_settings_end_what_is_expected(bool pause)
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await PostponeAsync(await ClaimAsync("fleet"));
        if (pause)
        {
            await Under.PauseAsync("fleet");
            await Under.ResumeAsync("fleet");
            await Under.PassAsync(Soon);
        }
        else
        {
            await Under.ChangeSettingsAsync("fleet");
        }

        var claim = await ClaimAsync("fleet");
        Assert.Equal((false, null), (claim.ExpectationIsOpen, claim.RereadCovers));
    }

    [Fact]
    public async Task The_first_success_after_failures_is_a_run_even_when_the_tip_is_to_be_read_again()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromSeconds(6));
        await Under.PassAsync(TimeSpan.FromSeconds(6.1));
        var claim = await ClaimAsync("fleet");
        await PostponeAsync(claim, run: await RunAsync(claim, "a", null));

        var recovered = RunIds.RunId(claim);
        Assert.Equal(recovered, (await Under.ReadRunsAsync("fleet"))[^1]);
        Assert.Contains(RunIds.MessageId(claim), await Under.ReadOutboxAsync());
        Assert.Equal((0, 1, 2), ((await Under.ReadAsync("fleet")).Failures, (await Under.ReadAsync("fleet")).Done, (await Under.ReadAsync("fleet")).Wanted));
        Assert.Equal(("run", recovered), (await Under.ReadDeliveriesAsync("fleet")).Select(d => (d.Result, d.RunId)).Single());

        // The second reading finds nothing: the delivery keeps that run.
        await Under.PassAsync(TimeSpan.FromSeconds(2.1));
        await FinishAsync(await ClaimAsync("fleet"), "a");
        Assert.Equal(("run", recovered), (await Under.ReadDeliveriesAsync("fleet")).Select(d => (d.Result, d.RunId)).Single());
    }

    [Fact]
    public async Task A_clock_that_jumps_back_ends_every_wait_for_a_host()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await PostponeAsync(await ClaimAsync("fleet"));
        await Under.JumpBackAsync(TimeSpan.FromHours(1));
        var claim = await ClaimAsync("fleet");
        Assert.Equal((false, true), (claim.ExpectationIsOpen, claim.RereadIsDue));
    }

    [Fact]
    public async Task Asks_postponements_and_judgements_at_once_lose_nothing_and_never_deadlock()
    {
        var ids = Enumerable.Range(0, 4).Select(i => $"source-{i}").ToList();
        foreach (var id in ids)
        {
            await CreateSyncedAsync(id);
            await Under.GiveSecretAsync(id);
        }

        var asking = Task.WhenAll(Enumerable.Range(0, 3).Select(n => Task.Run(
            async () =>
            {
                for (var i = 0; i < 15; i++)
                {
                    // Each group in another order, each secret used by several groups at once.
                    var group = ids.Skip((n + i) % ids.Count).Concat(ids.Take((n + i) % ids.Count))
                        .Select(Ask (id) => Of(id, delivery => delivery with { SecretName = i % 2 == 0 ? null : $"shared-{n % 2}", SenderDeliveryId = $"{n}-{i / 2}" }))
                        .ToList();
                    Assert.All(await Store.AskAsync(group, Token), outcome => Assert.Equal(AskOutcome.Accepted, outcome));
                }
            },
            Token)));
        var turnTime = TimeSpan.FromMilliseconds(100);
        // Half of it: a database's own time passes, too.
        var leaseInPasses = Under.Policy.Lease / turnTime / 2;
        var passes = 0;
        var working = Task.WhenAll(
            Task.Run(() => SweepAsync("sweeper-1"), Token),
            Task.Run(() => SweepAsync("sweeper-2"), Token),
            Task.Run(
                async () =>
                {
                    while (!asking.IsCompleted)
                        await Store.TakeUnannouncedAsync(Grace, 10, Token);
                },
                Token));
        await asking;
        await working;

        await Under.PassAsync(TimeSpan.FromSeconds(3));
        foreach (var id in ids)
        {
            if ((await Store.ClaimAsync(id, "last", Token)).Claim is { } claim)
                await FinishAsync(claim, "last");
            var row = await Under.ReadAsync(id);
            Assert.Equal((46, 46), (row.Wanted, row.Done));
            var deliveries = await Under.ReadDeliveriesAsync(id);
            Assert.Equal(Enumerable.Range(2, 45).Select(n => (long?)n), deliveries.Select(d => d.Ask).Order());
            Assert.All(deliveries, d => Assert.Contains(d.Result, (string[])["run", "unchanged"]));
        }

        async Task SweepAsync(string owner)
        {
            for (var turn = 0; !asking.IsCompleted; turn++)
            {
                foreach (var id in ids)
                {
                    var before = Volatile.Read(ref passes);
                    if ((await Store.ClaimAsync(id, owner, Token)).Claim is not { } claim)
                        continue;
                    var result = turn % 3 == 0
                        ? await FinishAsync(claim, NewId("tip"))
                        : await PostponeAsync(claim, done: claim.RereadCovers ?? claim.Done, covers: claim.Covered);
                    // On a busy machine the other may let so much time pass meanwhile that the lease is over.
                    Assert.True(result.Committed || Volatile.Read(ref passes) - before > leaseInPasses);
                }

                Interlocked.Increment(ref passes);
                await Under.PassAsync(turnTime);
            }
        }
    }
}
