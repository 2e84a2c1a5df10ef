using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Conformance;

public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task A_new_tip_makes_a_sweep_and_a_run_and_tells_every_covered_request()
    {
        await CreateSyncedAsync("fleet");
        await Store.AskAsync([Webhook("fleet"), Webhook("fleet"), Manual("fleet")], Token);
        var claim = await ClaimAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(claim, "b");

        var run = RunIds.RunId(claim);
        Assert.Equal(run, (await Under.ReadRunsAsync("fleet"))[^1]);
        Assert.Equal(["a", "b"], (await Under.ReadSweepsAsync("fleet")).Order());
        Assert.Equal(
            [("run", run), ("run", run), ("pending", null)],
            (await Under.ReadDeliveriesAsync("fleet")).Select(d => (d.Result, d.RunId)));
        Assert.Equal(run, (await Under.ReadRequestsAsync("fleet"))[^1].RunId);
        Assert.Contains(RunIds.MessageId(claim), await Under.ReadOutboxAsync());
        var row = await Under.ReadAsync("fleet");
        Assert.Equal(("b", claim.Covered, claim.Covered + 1), (row.TipSha, row.Done, row.Wanted));
    }

    [Fact]
    public async Task A_finish_tried_again_changes_nothing()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        var found = await FoundAsync(claim, "a");
        Assert.True((await Store.FinishAsync(claim, found, Token)).Committed);
        var before = await Under.ReadAsync("fleet");
        Assert.Equal(default, await Store.FinishAsync(claim, found, Token));
        Assert.False((await FailAsync(claim)).Committed);
        Assert.Equal(before with { NextPollIn = default }, await Under.ReadAsync("fleet") with { NextPollIn = default });
        Assert.Single(await Under.ReadRunsAsync("fleet"));
        Assert.Single(await Under.ReadOutboxAsync());
    }

    [Fact]
    public async Task Nothing_new_makes_no_run()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        await FinishAsync(await ClaimAsync("fleet"), "a");
        var delivery = Assert.Single(await Under.ReadDeliveriesAsync("fleet"));
        Assert.Equal(("unchanged", null), (delivery.Result, delivery.RunId));
        Assert.Single(await Under.ReadRunsAsync("fleet"));
        Assert.Single(await Under.ReadSweepsAsync("fleet"));
    }

    [Fact]
    public async Task A_tip_that_comes_back_is_another_run_and_no_other_sweep()
    {
        await CreateSyncedAsync("fleet");
        foreach (var tip in (string[])["b", "a"])
        {
            await AskAsync(Webhook("fleet"));
            await FinishAsync(await ClaimAsync("fleet"), tip);
        }

        Assert.Equal(3, (await Under.ReadRunsAsync("fleet")).Distinct().Count());
        Assert.Equal(["a", "b"], (await Under.ReadSweepsAsync("fleet")).Order());
        Assert.Equal("a", (await Under.ReadAsync("fleet")).TipSha);
    }

    [Fact]
    public async Task A_failure_keeps_what_was_asked_and_the_later_success_settles_it()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Webhook("fleet"));
        var first = await ClaimAsync("fleet");
        Assert.True((await FailAsync(first)).Committed);
        var failed = Assert.Single(await Under.ReadDeliveriesAsync("fleet"));
        Assert.Equal(("failed", RunIds.RunId(first)), (failed.Result, failed.RunId));
        Assert.Equal((1, 2, 1), ((await Under.ReadAsync("fleet")).Done, (await Under.ReadAsync("fleet")).Wanted, (await Under.ReadAsync("fleet")).Failures));

        // A repeat only counts; what came meanwhile waits on the same failed run.
        await AskAsync(Webhook("fleet"));
        await Under.PassAsync(TimeSpan.FromSeconds(9));
        var second = await ClaimAsync("fleet");
        Assert.Equal((1, first.Done, "webhook"), (second.Failures, second.Done, second.Trigger));
        await FailAsync(second);
        Assert.All(await Under.ReadDeliveriesAsync("fleet"), d => Assert.Equal(("failed", RunIds.RunId(first)), (d.Result, d.RunId)));
        Assert.Equal(2, (await Under.ReadRunsAsync("fleet")).Count);

        await Under.PassAsync(TimeSpan.FromSeconds(9));
        var third = await ClaimAsync("fleet");
        Assert.Equal(2, third.Failures);
        await FinishAsync(third, "a");
        Assert.All(await Under.ReadDeliveriesAsync("fleet"), d => Assert.Equal(("run", RunIds.RunId(third)), (d.Result, d.RunId)));
        Assert.Equal(3, (await Under.ReadRunsAsync("fleet")).Count);
        var row = await Under.ReadAsync("fleet");
        Assert.Equal((0, 3L, 3L), (row.Failures, row.Wanted, row.Done));
    }

    [Fact]
    public async Task Messages_are_published_again_until_they_are_acknowledged()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        var found = await FoundAsync(claim, "a");
        await Store.FinishAsync(claim, found, Token);
        Assert.Empty(await Store.TakeUnacknowledgedAsync(10, Token));

        foreach (var wait in (int[])[5, 10, 20, 30, 30])
        {
            await Under.PassAsync(TimeSpan.FromSeconds(wait - 1));
            Assert.Empty(await Store.TakeUnacknowledgedAsync(10, Token));
            await Under.PassAsync(TimeSpan.FromSeconds(1.1));
            var message = Assert.Single(await Store.TakeUnacknowledgedAsync(10, Token));
            Assert.Equal(found.Message!.Id, message.Id);
            Assert.Equal(found.Run!.Summary.RunId, Assert.IsType<SyncRunCompleted>(message.Payload).RunId);
        }

        var run = RunIds.RunId(claim);
        Assert.Null(await Under.ReadAuditIdAsync(run));
        for (var i = 0; i < 2; i++)
        {
            await Store.AcknowledgeAsync(new AuditEntryCommitted { RecordedMessageId = found.Message!.Id, AuditId = 42, RunId = run }, Token);
            Assert.Empty(await Under.ReadOutboxAsync());
            Assert.Equal(42, await Under.ReadAuditIdAsync(run));
        }

        await Under.PassAsync(Minute);
        Assert.Empty(await Store.TakeUnacknowledgedAsync(10, Token));
    }

    [Fact]
    public async Task Two_relays_at_once_take_each_message_once()
    {
        for (var i = 0; i < 20; i++)
            await CreateSyncedAsync($"source-{i:d2}");
        await Under.PassAsync(TimeSpan.FromSeconds(6));
        var taken = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => Store.TakeUnacknowledgedAsync(100, Token), Token)));
        Assert.Equal(20, taken.SelectMany(t => t).Select(m => m.Id).Distinct().Count());
        Assert.Equal(20, taken.Sum(t => t.Count));
    }
}
