namespace Ampora.Conformance;

/// <summary>Sources whose checks take long: their places on a host are apart from the others', and fewer.</summary>
public abstract partial class WakeupStoreConformance
{
    [Fact]
    public async Task A_check_that_lasts_until_its_renewal_leaves_its_place_on_the_host_to_others()
    {
        var slow = await FillAsync("slow");
        await Under.CreateAsync("quick", Host, Minute);
        await AssertNotClaimableAsync("quick");
        Assert.True(await Store.RenewAsync(slow[0], Token));
        Assert.False((await ClaimAsync("quick")).IsSlow);
        await Under.CreateAsync("quick-too", Host, Minute);
        await AssertNotClaimableAsync("quick-too");
    }

    [Fact]
    public async Task Slow_sources_get_few_places_on_a_host_and_the_others_all_of_theirs()
    {
        var slow = await FillAsync("slow");
        foreach (var claim in slow)
        {
            Assert.True(await Store.RenewAsync(claim, Token));
            await FailAsync(claim, TimeSpan.FromSeconds(5));
        }

        await Under.PassAsync(TimeSpan.FromSeconds(6));
        for (var i = 0; i < Under.Policy.SlowChecksPerHost; i++)
            Assert.True((await ClaimAsync($"slow-{i}")).IsSlow);
        await AssertNotClaimableAsync($"slow-{Under.Policy.SlowChecksPerHost}");
        await FillAsync("quick");
    }

    [Fact]
    public async Task The_longest_waiting_that_has_a_place_is_woken_and_not_one_that_waits_for_a_slow_place()
    {
        var slow = await FillAsync("slow");
        foreach (var claim in slow)
        {
            Assert.True(await Store.RenewAsync(claim, Token));
            await FailAsync(claim, TimeSpan.FromSeconds(5));
        }

        await Under.PassAsync(TimeSpan.FromSeconds(6));
        for (var i = 0; i < Under.Policy.SlowChecksPerHost; i++)
            await ClaimAsync($"slow-{i}");
        var quick = await FillAsync("quick");
        await AssertNotClaimableAsync($"slow-{Under.Policy.SlowChecksPerHost}");
        await Under.CreateAsync("waits", Host, Minute);
        await AssertNotClaimableAsync("waits");
        Assert.Empty(await Store.TakeWaitingForHostAsync(Host, Token));
        await FinishAsync(quick[0], "a");
        Assert.Equal(["waits"], await Store.TakeWaitingForHostAsync(Host, Token));
    }

    [Fact]
    public async Task Slow_checks_do_not_pile_up_on_a_host_without_end()
    {
        foreach (var claim in await FillAsync("slow"))
            Assert.True(await Store.RenewAsync(claim, Token));
        foreach (var claim in await FillAsync("slow-too"))
            Assert.True(await Store.RenewAsync(claim, Token));
        await Under.CreateAsync("one-more", Host, Minute);
        await AssertNotClaimableAsync("one-more");
    }

    [Fact]
    public async Task A_source_stays_slow_until_a_check_succeeds_or_a_time_has_passed()
    {
        await Under.CreateAsync("slow", Host, Minute);
        var claim = await ClaimAsync("slow");
        Assert.True(await Store.RenewAsync(claim, Token));
        await FailAsync(claim, TimeSpan.FromSeconds(1));
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        claim = await ClaimAsync("slow");
        Assert.True(claim.IsSlow);
        await FailAsync(claim, TimeSpan.FromSeconds(1));
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        claim = await ClaimAsync("slow");
        Assert.True(claim.IsSlow);
        await FinishAsync(claim, "a");
        await AskAsync(Manual("slow"));
        await Under.PassAsync(Soon);
        claim = await ClaimAsync("slow");
        Assert.False(claim.IsSlow);

        Assert.True(await Store.RenewAsync(claim, Token));
        await FailAsync(claim, TimeSpan.FromSeconds(1));
        await Under.PassAsync(Under.Policy.SlowFor);
        Assert.False((await ClaimAsync("slow")).IsSlow);
    }

    [Fact]
    public async Task Other_settings_are_not_slow()
    {
        await Under.CreateAsync("slow", Host, Minute);
        Assert.True(await Store.RenewAsync(await ClaimAsync("slow"), Token));
        await Under.ChangeSettingsAsync("slow");
        Assert.False((await ClaimAsync("slow")).IsSlow);
    }

    private async Task<List<Ampora.Wakeups.Claim>> FillAsync(string name)
    {
        var claims = new List<Ampora.Wakeups.Claim>();
        for (var i = 0; i < Under.Policy.ChecksPerHost; i++)
        {
            await Under.CreateAsync($"{name}-{i}", Host, Minute);
            claims.Add(await ClaimAsync($"{name}-{i}"));
        }

        return claims;
    }
}
