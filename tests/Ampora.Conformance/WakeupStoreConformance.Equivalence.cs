namespace Ampora.Conformance;

/// <summary>Where random operations parted the model from the SQL.</summary>
public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task A_failure_says_whether_more_is_wanted_than_it_covers()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Manual("fleet"));
        Assert.False((await FailAsync(await ClaimAsync("fleet"))).MoreWanted);
        await Under.PassAsync(TimeSpan.FromMinutes(1));
        var claim = await ClaimAsync("fleet");
        await AskAsync(Webhook("fleet"));
        Assert.True((await FailAsync(claim)).MoreWanted);
    }

    [Fact]
    public async Task What_a_webhook_announced_is_forgotten_with_the_check_that_covers_it()
    {
        await CreateSyncedAsync("fleet");
        await AskAsync(Announcing("fleet", "b"));
        await FinishAsync(await ClaimAsync("fleet"), "b");
        await AskAsync(Manual("fleet"));
        var claim = await ClaimAsync("fleet");
        Assert.Null(claim.ExpectedSha);
        Assert.False(claim.ExpectationIsOpen);
    }

    [Fact]
    public async Task Requests_that_went_with_their_source_are_not_told_of_as_a_poll()
    {
        await Under.CreateAsync("fleet", Host, Minute);
        var claim = await ClaimAsync("fleet");
        Assert.True(claim.CoversManual);
        await Under.DeleteAsync("fleet");
        Assert.Empty(await Store.ReadTriggersAsync(claim, 10, Token));
        Assert.Equal("poll", Assert.Single(await Store.ReadTriggersAsync(claim with { CoversManual = false }, 10, Token)).Kind);
    }

    [Fact]
    public async Task Of_polls_that_are_due_and_polls_that_were_left_the_most_overdue_is_taken()
    {
        await CreateSyncedAsync("left", interval: TimeSpan.FromMinutes(100));
        await Under.PassAsync(TimeSpan.FromMinutes(111));
        Assert.Equal(["left"], await Store.TakeDuePollsAsync(1, Token));
        await CreateSyncedAsync("due", interval: Minute);
        // The one was woken 9 minutes of its 100 ago, the other has been due for at least 8 intervals.
        await Under.PassAsync(TimeSpan.FromMinutes(9));
        Assert.Equal(["due"], await Store.TakeDuePollsAsync(1, Token));
    }
}
