using Ampora.Wakeups;

namespace Ampora.Conformance;

public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task A_new_source_wants_its_first_check_as_an_operators_request()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        Assert.Equal((0, 1, "initial"), (claim.Done, claim.Covered, claim.Trigger));
        Assert.True(claim.CoversManual);
        Assert.False(claim.CoversWebhook);
        Assert.Equal(1, Assert.Single(await Under.ReadRequestsAsync("fleet")).Ask);
        Assert.InRange((await Under.ReadAsync("fleet")).NextPollIn, TimeSpan.FromSeconds(-5), Minute);
    }

    [Fact]
    public async Task A_group_numbers_its_asks_in_their_order_for_each_source()
    {
        await CreateSyncedAsync("fleet");
        await CreateSyncedAsync("other");
        Ask[] asks = [Webhook("other"), Webhook("fleet"), Manual("fleet"), Webhook("fleet"), Manual("other")];
        Assert.Equal(Enumerable.Repeat(AskOutcome.Accepted, asks.Length), await Store.AskAsync(asks, Token));

        Assert.Equal([2, 4], (await Under.ReadDeliveriesAsync("fleet")).Select(d => d.Ask));
        Assert.Equal([1, 3], (await Under.ReadRequestsAsync("fleet")).Select(r => r.Ask));
        Assert.Equal([2], (await Under.ReadDeliveriesAsync("other")).Select(d => d.Ask));
        Assert.Equal([1, 3], (await Under.ReadRequestsAsync("other")).Select(r => r.Ask));
        Assert.Equal((4, 1), ((await Under.ReadAsync("fleet")).Wanted, (await Under.ReadAsync("fleet")).Done));
        Assert.All(await Under.ReadDeliveriesAsync("fleet"), d => Assert.Equal(("accepted", null, "pending"), (d.Verdict, d.Reason, d.Result)));
    }

    [Fact]
    public async Task A_group_without_asks_does_nothing() => Assert.Empty(await Store.AskAsync([], Token));

    [Fact]
    public async Task A_paused_source_keeps_webhooks_as_ignored_and_drops_other_asks()
    {
        await CreateSyncedAsync("fleet");
        await Under.PauseAsync("fleet");
        Assert.Equal([AskOutcome.Paused, AskOutcome.Paused], await Store.AskAsync([Webhook("fleet"), Manual("fleet")], Token));

        var delivery = Assert.Single(await Under.ReadDeliveriesAsync("fleet"));
        Assert.Equal(("ignored", "source_paused", null, null), (delivery.Verdict, delivery.Reason, delivery.Ask, delivery.Result));
        Assert.Single(await Under.ReadRequestsAsync("fleet"));
        Assert.Equal(1, (await Under.ReadAsync("fleet")).Wanted);
    }

    [Fact]
    public async Task A_delivery_that_brings_a_reason_is_kept_as_ignored_and_wakes_nothing()
    {
        await CreateSyncedAsync("fleet");
        Assert.Equal(AskOutcome.Ignored, await AskAsync(Webhook("fleet", ignoredBecause: "ping")));
        var delivery = Assert.Single(await Under.ReadDeliveriesAsync("fleet"));
        Assert.Equal(("ignored", "ping", null, null), (delivery.Verdict, delivery.Reason, delivery.Ask, delivery.Result));
        Assert.Equal(1, (await Under.ReadAsync("fleet")).Wanted);
    }

    [Fact]
    public async Task A_webhook_verified_against_old_secrets_writes_nothing()
    {
        await CreateSyncedAsync("fleet");
        await Under.ChangeSecretsAsync("fleet");
        Assert.Equal(
            [AskOutcome.StaleSecret, AskOutcome.StaleSecret, AskOutcome.Accepted],
            await Store.AskAsync([Webhook("fleet", 1), Webhook("fleet", 1, "ping"), Webhook("fleet", 2)], Token));
        Assert.Equal(2, Assert.Single(await Under.ReadDeliveriesAsync("fleet")).Ask);
    }

    [Fact]
    public async Task An_unknown_source_does_not_stop_the_rest_of_its_group()
    {
        await CreateSyncedAsync("fleet");
        Assert.Equal(
            [AskOutcome.NoSource, AskOutcome.Accepted, AskOutcome.NoSource],
            await Store.AskAsync([Webhook("nobody"), Webhook("fleet"), Manual("nobody")], Token));
        Assert.Equal(2, (await Under.ReadAsync("fleet")).Wanted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_webhook_or_an_operator_pulls_a_back_off_forward_to_some_time_after_the_last_attempt(bool webhook)
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Manual("fleet"));
        await FailAsync(await ClaimAsync("fleet"), backOff: TimeSpan.FromMinutes(10));
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        await AskAsync(webhook ? Webhook("fleet") : Manual("fleet"));

        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(TimeSpan.FromSeconds(1.5));
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(webhook, (await ClaimAsync("fleet")).CoversWebhook);
    }

    [Fact]
    public async Task Nothing_pulls_a_back_off_before_the_hosts_Retry_After()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Manual("fleet"));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromMinutes(10), retryAfter: TimeSpan.FromMinutes(2));
        await AskAsync(Webhook("fleet"));
        await Under.PassAsync(TimeSpan.FromSeconds(110));
        await AssertNotClaimableAsync("fleet");
        await Under.PassAsync(TimeSpan.FromSeconds(11));
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task A_request_never_puts_a_back_off_further_away()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Manual("fleet"));
        await FailAsync(await ClaimAsync("fleet"), TimeSpan.FromSeconds(2));
        await AskAsync(Webhook("fleet"));
        await Under.PassAsync(TimeSpan.FromSeconds(2.1));
        await ClaimAsync("fleet");
    }

    [Fact]
    public async Task A_resumed_source_is_checked_at_once()
    {
        await CreateSyncedAsync("fleet");
        await Under.PauseAsync("fleet");
        await AssertNotClaimableAsync("fleet");
        await Under.ResumeAsync("fleet");
        Assert.True((await ClaimAsync("fleet")).CoversManual);
    }
}
