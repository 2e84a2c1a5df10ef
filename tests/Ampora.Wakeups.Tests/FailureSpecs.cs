namespace Ampora.Wakeups.Tests;

public sealed class FailureSpecs
{
    private readonly Harness _h = new();

    [Fact]
    public async Task The_first_failure_and_the_recovery_are_runs_and_repeats_only_count()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        _h.Tip = "b";
        await _h.AskAsync(_h.Webhook("fleet"));
        for (var i = 0; i < 3; i++)
        {
            await _h.FailAsync("fleet");
            _h.Clock.Advance(TimeSpan.FromMinutes(20));
        }

        Assert.Equal("failed", source.Deliveries[0].Result);
        await _h.SweepAsync("fleet");
        Assert.Equal(["succeeded", "failed", "succeeded"], source.Runs.Select(r => r.Summary.Outcome));
        Assert.Equal(3, source.Runs[^1].Summary.RecoveredAfterFailures);
        Assert.Equal("webhook", source.Runs[^1].Summary.Trigger);
        Assert.Equal("run", source.Deliveries[0].Result);
    }

    [Fact]
    public async Task A_recovery_to_the_same_tip_is_a_run_that_reuses_it()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.FailAsync("fleet");
        _h.Clock.Advance(TimeSpan.FromMinutes(1));
        await _h.SweepAsync("fleet");
        var run = source.Runs[^1].Summary;
        Assert.Equal(("succeeded", 1, true, "a", "a"), (run.Outcome, run.RecoveredAfterFailures, run.Reused, run.PreviousSha, run.Sha));
    }

    [Fact]
    public async Task Webhooks_pull_a_back_off_forward_but_never_below_five_seconds_between_attempts()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        var attempts = new List<DateTimeOffset>();
        for (var ms = 0; ms < 120_000; ms += 100)
        {
            await _h.AskAsync(_h.Webhook("fleet"));
            var before = source.Failures;
            await _h.FailAsync("fleet");
            if (source.Failures > before)
                attempts.Add(_h.Clock.GetUtcNow());
            _h.Clock.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.True(attempts.Count > 15, $"{attempts.Count} attempts in two minutes of webhooks");
        Assert.All(attempts.Zip(attempts.Skip(1)), pair => Assert.True(pair.Second - pair.First >= _h.Policy.PullForward));
    }

    [Fact]
    public async Task A_hosts_retry_after_is_not_shortened_by_webhooks()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet"));
        await _h.FailAsync("fleet", retryAfter: TimeSpan.FromMinutes(2));
        for (var s = 0; s < 119; s++)
        {
            _h.Clock.Advance(TimeSpan.FromSeconds(1));
            await _h.AskAsync(_h.Webhook("fleet"));
            await _h.SweepAsync("fleet");
        }

        Assert.Equal(1, source.Failures);
        _h.Clock.Advance(TimeSpan.FromSeconds(2));
        await _h.SweepAsync("fleet");
        Assert.Equal(0, source.Failures);
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(2, 16)]
    [InlineData(7, 512)]
    [InlineData(8, 900)]
    [InlineData(1_000_000, 900)]
    public void Back_off_doubles_up_to_fifteen_minutes(int failures, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), _h.Policy.BackOff(failures));

    [Fact]
    public async Task A_check_that_throws_gives_its_claim_back()
    {
        var source = await _h.CreateSyncedAsync("fleet");
        await _h.AskAsync(_h.Webhook("fleet", announcedSha: _h.Tip));
        await Assert.ThrowsAsync<InvalidOperationException>(() => _h.SweepAsync("fleet", (_, _) => throw new InvalidOperationException()));
        Assert.Null(source.LeaseOwner);
        await _h.SweepAsync("fleet");
        Assert.Equal(source.Wanted, source.Done);
    }
}
