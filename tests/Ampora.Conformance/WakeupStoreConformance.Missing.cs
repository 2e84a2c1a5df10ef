using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Conformance;

public abstract partial class WakeupStoreConformance
{
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task A_delivery_that_the_sender_repeats_is_marked_as_a_repeat_of_the_latest_before_it()
    {
        await CreateSyncedAsync("fleet");
        await CreateSyncedAsync("other");
        WebhookAsk Sent(string source, string senderId) => Of(source, delivery => delivery with { SenderDeliveryId = senderId });
        var first = Sent("fleet", "one");
        var again = Sent("fleet", "one");
        await Store.AskAsync([first, Sent("fleet", "two"), again, Sent("other", "one"), Webhook("fleet"), Webhook("fleet")], Token);
        var third = Sent("fleet", "one");
        Assert.Equal(AskOutcome.Accepted, await AskAsync(third));

        Assert.Equal(
            [null, null, first.Delivery.DeliveryId, null, null, again.Delivery.DeliveryId],
            (await Under.ReadDeliveriesAsync("fleet")).Select(d => d.ReplayOf));
        Assert.Null(Assert.Single(await Under.ReadDeliveriesAsync("other")).ReplayOf);
    }

    [Fact]
    public async Task One_delivery_is_in_the_ledger_of_each_source_that_it_wakes()
    {
        await CreateSyncedAsync("fleet");
        await CreateSyncedAsync("other");
        var one = Webhook("fleet");
        Assert.Equal([AskOutcome.Accepted, AskOutcome.Accepted], await Store.AskAsync([one, one with { SourceId = "other" }], Token));
        Assert.Equal(one.Delivery.DeliveryId, Assert.Single(await Under.ReadDeliveriesAsync("fleet")).Id);
        Assert.Equal(one.Delivery.DeliveryId, Assert.Single(await Under.ReadDeliveriesAsync("other")).Id);
    }

    [Fact]
    public async Task An_operator_who_asks_again_because_of_a_delivery_is_named_with_it()
    {
        await CreateSyncedAsync("fleet");
        var retry = Manual("fleet") with { DeliveryId = "dlv_earlier" };
        await AskAsync(retry);
        Assert.Equal(
            [new RunTrigger("manual", "dlv_earlier", retry.RequestId, retry.Actor)],
            await Store.ReadTriggersAsync(await ClaimAsync("fleet"), 10, Token));
    }

    [Theory]
    [InlineData("current", null)]
    [InlineData("current", "ping")]
    [InlineData("previous", null)]
    [InlineData("previous", "ping")]
    public async Task The_secret_that_verified_a_delivery_was_used(string signedBy, string? ignoredBecause)
    {
        await CreateSyncedAsync("fleet");
        await Under.GiveSecretAsync("fleet");
        await AskAsync(Of("fleet", delivery => delivery with { SecretName = "acme" }));
        var view = await Under.ReadWebhookAsync("fleet");
        Assert.Equal((false, false), (view.CurrentWasUsed, view.PreviousWasUsed));
        await AskAsync(Of("fleet", delivery => delivery with { SignedBy = signedBy, IgnoredBecause = ignoredBecause }));
        view = await Under.ReadWebhookAsync("fleet");
        Assert.Equal((signedBy == "current", signedBy == "previous"), (view.CurrentWasUsed, view.PreviousWasUsed));
    }

    [Theory]
    [InlineData(true, 60, 120)]
    [InlineData(true, 2000, 3600)]
    [InlineData(true, 7200, 7200)]
    [InlineData(false, 60, 60)]
    public async Task An_adaptive_interval_doubles_up_to_an_hour_when_a_webhook_brings_a_new_tip(bool adaptive, int before, int after)
    {
        await Under.CreateAsync("fleet", Host, TimeSpan.FromSeconds(before), adaptive);
        await FinishAsync(await ClaimAsync("fleet"), "a");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        Assert.Equal(after, (await Under.ReadWebhookAsync("fleet")).PollInterval.TotalSeconds);
    }

    [Fact]
    public async Task Neither_a_poll_nor_an_operator_nor_a_webhook_without_a_push_stretches_an_interval()
    {
        await Under.CreateAsync("fleet", Host, Minute, adaptive: true);
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "a");
        await AskAsync(Manual("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await FindByPollAsync("c");
        Assert.Equal(Minute, (await Under.ReadWebhookAsync("fleet")).PollInterval);
    }

    [Fact]
    public async Task A_stretched_interval_falls_back_when_no_webhook_has_proved_live_for_a_day()
    {
        await CreateStretchedAsync();
        await Under.PassAsync(TimeSpan.FromHours(23));
        Assert.Empty(await Store.TakeUnannouncedAsync(Grace, 10, Token));
        Assert.Equal(2 * Minute, (await Under.ReadWebhookAsync("fleet")).PollInterval);
        await Under.PassAsync(TimeSpan.FromHours(1.1));
        Assert.Empty(await Store.TakeUnannouncedAsync(Grace, 10, Token));
        Assert.Equal((Minute, 0), ((await Under.ReadWebhookAsync("fleet")).PollInterval, (await Under.ReadWebhookAsync("fleet")).MissedInRow));
        Assert.True((await Under.ReadAsync("fleet")).NextPollIn <= Minute);
    }

    [Fact]
    public async Task A_commit_that_only_a_poll_found_is_a_missed_webhook_and_the_interval_falls_back()
    {
        await CreateStretchedAsync();
        await Under.PassAsync(2 * Grace);
        await FindByPollAsync("c");
        Assert.Empty(await Store.TakeUnannouncedAsync(Grace, 10, Token));
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.Equal([new JudgedCommit("fleet", "c", Missed: true)], await Store.TakeUnannouncedAsync(Grace, 10, Token));
        Assert.Empty(await Store.TakeUnannouncedAsync(Grace, 10, Token));
        var view = await Under.ReadWebhookAsync("fleet");
        Assert.Equal((Minute, 1, 1L), (view.PollInterval, view.MissedInRow, view.MissedTotal));
        Assert.True((await Under.ReadAsync("fleet")).NextPollIn <= Minute);

        // The next in the row, and then a webhook that is in time.
        await FindByPollAsync("d");
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.True(Assert.Single(await Store.TakeUnannouncedAsync(Grace, 10, Token)).Missed);
        Assert.Equal((2, 2L), ((await Under.ReadWebhookAsync("fleet")).MissedInRow, (await Under.ReadWebhookAsync("fleet")).MissedTotal));
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "e");
        view = await Under.ReadWebhookAsync("fleet");
        Assert.Equal((2 * Minute, 0, 2L), (view.PollInterval, view.MissedInRow, view.MissedTotal));
    }

    [Theory]
    [InlineData("b", -200, false)]
    [InlineData("b", 200, false)]
    [InlineData(null, -200, false)]
    [InlineData("other", 10, true)]
    [InlineData("b", -400, true)]
    [InlineData("b", 400, true)]
    public async Task A_delivery_near_enough_that_names_the_commit_or_none_announced_it(string? announced, int secondsAfter, bool missed)
    {
        await CreateSyncedAsync("fleet");
        await Under.GiveSecretAsync("fleet");
        var found = await FindByPollAsync("b");
        // The ledger's time is the receiver's, whatever the order of the writes.
        await AskAsync(Announcing("fleet", announced, found + TimeSpan.FromSeconds(secondsAfter)));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.Equal(missed, Assert.Single(await Store.TakeUnannouncedAsync(Grace, 10, Token)).Missed);
        Assert.Equal(missed ? 1 : 0, (await Under.ReadWebhookAsync("fleet")).MissedInRow);
    }

    [Fact]
    public async Task An_ignored_delivery_announces_nothing()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet", ignoredBecause: "ping"));
        var found = await FindByPollAsync("b");
        await AskAsync(Of("fleet", delivery => delivery with { ReceivedAt = found, IgnoredBecause = "ref_not_tracked" }));
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.True(Assert.Single(await Store.TakeUnannouncedAsync(Grace, 10, Token)).Missed);
    }

    [Fact]
    public async Task Without_a_secret_and_without_any_webhook_ever_nothing_is_missed()
    {
        await CreateSyncedAsync("fleet");
        await FindByPollAsync("b");
        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        Assert.Empty(await Store.TakeUnannouncedAsync(Grace, 10, Token));
    }

    [Fact]
    public async Task Two_schedulers_at_once_judge_each_commit_once()
    {
        for (var i = 0; i < 10; i++)
        {
            await CreateSyncedAsync($"source-{i}", interval: TimeSpan.FromSeconds(1));
            await Under.GiveSecretAsync($"source-{i}");
            await FindByPollAsync("b", $"source-{i}");
        }

        await Under.PassAsync(Grace + TimeSpan.FromSeconds(1));
        var judged = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Store.TakeUnannouncedAsync(Grace, 100, Token), Token)));
        Assert.Equal(10, judged.Sum(j => j.Count));
        for (var i = 0; i < 10; i++)
            Assert.Equal(1, (await Under.ReadWebhookAsync($"source-{i}")).MissedTotal);
    }

    /// <summary>Creates an adaptive source whose interval a webhook has stretched to two minutes, at tip <c>b</c>.</summary>
    private async Task CreateStretchedAsync()
    {
        await Under.CreateAsync("fleet", Host, Minute, adaptive: true);
        await FinishAsync(await ClaimAsync("fleet"), "a");
        await AskAsync(Announcing("fleet", "b", await Under.NowAsync()));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        Assert.Equal(2 * Minute, (await Under.ReadWebhookAsync("fleet")).PollInterval);
    }

    /// <summary>Lets the next poll find a new tip.</summary>
    /// <returns>When it found it.</returns>
    private async Task<DateTimeOffset> FindByPollAsync(string sha, string source = "fleet")
    {
        IReadOnlyList<string> due = [];
        for (var waited = 0; !due.Contains(source) && waited < 300; waited++)
        {
            await Under.PassAsync(TimeSpan.FromSeconds(2));
            due = await Store.TakeDuePollsAsync(100, Token);
            foreach (var other in due.Where(id => id != source))
            {
                var found = await ClaimAsync(other);
                await FinishAsync(found, found.TipSha!);
            }
        }

        var claim = await ClaimAsync(source);
        Assert.Equal("poll", claim.Trigger);
        await FinishAsync(claim, sha);
        return await Under.NowAsync();
    }
}
