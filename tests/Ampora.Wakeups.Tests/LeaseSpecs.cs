using Ampora.Contracts;
using Ampora.Simulation.Model;

namespace Ampora.Wakeups.Tests;

public sealed class LeaseSpecs
{
    [Fact]
    public async Task A_long_check_keeps_its_lease_by_renewing_it()
    {
        var h = new Harness();
        var source = h.Store.Create("fleet");
        var entered = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var sweep = h.SweepAsync("fleet", async (claim, token) =>
        {
            entered.SetResult();
            await release.Task.WaitAsync(token);
            return h.Look(claim);
        });
        await entered.Task;
        for (var renewal = 0; renewal < 20; renewal++)
        {
            h.Clock.Advance(h.Policy.RenewEvery);
            while (source.LeaseUntil < h.Clock.GetUtcNow() + h.Policy.Lease)
                await Task.Delay(1, h.Token);
        }

        Assert.Null((await h.Store.ClaimAsync("fleet", "thief", h.Token)).Claim);
        release.SetResult();
        await sweep;
        Assert.Single(source.Runs);
    }

    [Fact]
    public async Task A_sweeper_that_slept_past_its_lease_commits_nothing()
    {
        var h = new Harness();
        var source = h.Store.Create("fleet");
        var slept = await h.Store.ClaimAsync("fleet", "sweeper-0", h.Token);
        h.Clock.Advance(TimeSpan.FromSeconds(11));
        await h.SweepAsync("fleet");
        Assert.False((await h.Store.FinishAsync(slept.Claim!, new FinishedCheck { TipSha = "old", RefName = "refs/heads/main" }, h.Token)).Committed);
        Assert.False(await h.Store.RenewAsync(slept.Claim!, h.Token));
        Assert.Equal("a", source.TipSha);
    }

    [Fact]
    public async Task Changed_settings_cancel_the_check_in_flight_and_nothing_of_it_is_committed()
    {
        var h = new Harness();
        var source = await h.CreateSyncedAsync("fleet");
        await h.AskAsync(h.Webhook("fleet"));
        var entered = new TaskCompletionSource();
        h.Tip = "of-the-old-url";
        var sweep = h.SweepAsync("fleet", async (claim, token) =>
        {
            if (claim.Config > 1)
                return h.Look(claim);
            entered.SetResult();
            await Task.Delay(Timeout.Infinite, token);
            return h.Look(claim);
        });
        await entered.Task;
        h.Store.ChangeSettings("fleet");
        h.Tip = "of-the-new-url";
        h.Clock.Advance(h.Policy.RenewEvery);
        await sweep.WaitAsync(TimeSpan.FromSeconds(10), h.Token);
        await h.SweepAsync("fleet");
        Assert.Equal(["a", "of-the-new-url"], source.Runs.Select(r => r.Summary.Sha));
    }

    [Fact]
    public async Task A_stop_gives_the_claim_back_so_that_another_sweeper_starts_at_once()
    {
        var h = new Harness();
        var source = h.Store.Create("fleet");
        using var stop = new CancellationTokenSource();
        var entered = new TaskCompletionSource();
        var sweep = h.Protocol.SweepAsync(
            "fleet",
            new Harness.ScriptedCheck(async (claim, token) =>
            {
                entered.SetResult();
                await Task.Delay(Timeout.Infinite, token);
                return h.Look(claim);
            }),
            stop.Token);
        await entered.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sweep);
        Assert.Null(source.LeaseOwner);
        await h.SweepAsync("fleet");
        Assert.Single(source.Runs);
    }

    [Fact]
    public async Task A_finish_whose_answer_was_lost_is_tried_again_and_makes_no_second_run()
    {
        LosesAnswers? store = null;
        var h = new Harness(model => store = new LosesAnswers(model));
        var source = h.Store.Create("fleet");
        var sweep = h.SweepAsync("fleet");
        while (!sweep.IsCompleted)
        {
            h.Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await sweep;
        Assert.True(store!.Lost);
        var run = Assert.Single(source.Runs).Summary;
        Assert.Single(h.Store.Outbox);
        // Whether the first try committed is unknown to the protocol, so it leaves the message to the relay.
        h.Clock.Advance(h.Policy.RelayAfter);
        await h.Protocol.RelayAsync(10, h.Token);
        Assert.Equal(run.RunId, Assert.Single(h.Bus.Published.Select(p => p.Message).OfType<SyncRunCompleted>()).RunId);
    }

    private sealed class LosesAnswers(ModelWakeupStore model) : IWakeupStore
    {
        public bool Lost { get; private set; }

        public TimeProvider Time => model.Time;

        public double NextJitter() => model.NextJitter();

        public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) => model.AskAsync(asks, cancellationToken);

        public Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken) =>
            model.ClaimAsync(sourceId, owner, cancellationToken);

        public Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) => model.RenewAsync(claim, cancellationToken);

        public Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken) =>
            model.ReadTriggersAsync(claim, limit, cancellationToken);

        public async Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken)
        {
            var result = await model.FinishAsync(claim, finished, cancellationToken);
            if (Lost)
                return result;
            Lost = true;
            throw new IOException("the connection was lost after the commit");
        }

        public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken) => model.FailAsync(claim, failed, cancellationToken);

        public Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken) =>
            model.PostponeAsync(claim, postponed, cancellationToken);

        public Task<IReadOnlyList<JudgedCommit>> TakeUnannouncedAsync(TimeSpan grace, int limit, CancellationToken cancellationToken) =>
            model.TakeUnannouncedAsync(grace, limit, cancellationToken);

        public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken) => model.ReleaseAsync(claim, cancellationToken);

        public Task<IReadOnlyList<string>> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken) => model.TakeWaitingForHostAsync(host, cancellationToken);

        public Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken) => model.TakeDuePollsAsync(limit, cancellationToken);

        public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken) => model.TakeUnfinishedAsync(limit, cancellationToken);

        public Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken) =>
            model.TakeUnacknowledgedAsync(limit, cancellationToken);

        public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) => model.AcknowledgeAsync(committed, cancellationToken);
    }
}
