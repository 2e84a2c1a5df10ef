namespace Ampora.Conformance;

/// <summary>Many sources of one remote: their tips are read together, so they count as one on their host.</summary>
public abstract partial class WakeupStoreConformance
{
    private const string Shared = "https://git.test/shared.git";

    [Fact]
    public async Task Sources_of_one_remote_are_claimed_together_and_know_how_many_more_wait()
    {
        var ids = Enumerable.Range(0, 50).Select(i => $"source-{i:d2}").ToList();
        foreach (var id in ids)
            await Under.CreateAsync(id, Host, Minute, remote: Shared);
        await Under.CreateAsync("alone", Host, Minute);
        var claims = new List<Ampora.Wakeups.Claim>();
        foreach (var id in ids)
            claims.Add(await ClaimAsync(id));
        Assert.Equal(Enumerable.Range(0, 50).Reverse(), claims.Select(c => c.Companions));
        Assert.Equal(0, (await ClaimAsync("alone")).Companions);
    }

    [Fact]
    public async Task Only_those_that_are_wanted_and_could_be_claimed_are_companions()
    {
        foreach (var id in (string[])["first", "idle", "paused", "failing", "leased", "wanted", "last"])
            await Under.CreateAsync(id, Host, Minute, remote: Shared);
        await Under.CreateAsync("elsewhere", Host, Minute);
        await FinishAsync(await ClaimAsync("idle"), "a");
        await Under.PauseAsync("paused");
        await FailAsync(await ClaimAsync("failing"), Minute);
        await ClaimAsync("leased");
        Assert.Equal(2, (await ClaimAsync("first")).Companions);
        Assert.Equal(1, (await ClaimAsync("last")).Companions);
        await AskAsync(Manual("idle"));
        await Under.PassAsync(Soon);
        Assert.Equal(1, (await ClaimAsync("wanted")).Companions);
    }

    [Fact]
    public async Task A_host_takes_so_many_remotes_and_any_source_of_a_remote_that_it_has_taken()
    {
        for (var i = 0; i < Under.Policy.ChecksPerHost; i++)
            await Under.CreateAsync($"taken-{i}", Host, Minute, remote: $"https://git.test/{i}.git");
        await Under.CreateAsync("too-many", Host, Minute);
        await Under.CreateAsync("same", Host, Minute, remote: "https://git.test/3.git");
        for (var i = 0; i < Under.Policy.ChecksPerHost; i++)
            await ClaimAsync($"taken-{i}");
        await AssertNotClaimableAsync("too-many");
        await ClaimAsync("same");
    }

    [Fact]
    public async Task A_host_has_a_limit_of_checks_however_few_remotes_they_are_on()
    {
        var ids = Enumerable.Range(0, Under.Policy.LeasesPerHost + 3).Select(i => $"source-{i:d2}").ToList();
        foreach (var id in ids)
            await Under.CreateAsync(id, Host, Minute, remote: Shared);
        var claims = new List<Ampora.Wakeups.Claim>();
        foreach (var id in ids.Take(Under.Policy.LeasesPerHost))
            claims.Add(await ClaimAsync(id));
        // Those that the host has no place for cannot join.
        Assert.Equal([2, 1, 0], claims.TakeLast(3).Select(c => c.Companions));
        foreach (var id in ids.TakeLast(3))
        {
            await AssertNotClaimableAsync(id);
            Assert.True((await Under.ReadAsync(id)).WaitingForHost);
        }

        await FinishAsync(claims[0], "a");
        Assert.Equal(ids.TakeLast(3), (await Store.TakeWaitingForHostAsync(Host, Token)).Order());
        await ClaimAsync(ids[^1]);
        await AssertNotClaimableAsync(ids[^2]);
    }

    [Fact]
    public async Task Whoever_waits_for_the_remote_of_the_longest_waiting_is_taken_with_it()
    {
        var taken = Enumerable.Range(0, Under.Policy.ChecksPerHost).Select(i => $"taken-{i}").ToList();
        foreach (var id in taken)
            await Under.CreateAsync(id, Host, Minute);
        foreach (var (id, remote) in ((string, string?)[])[("first", Shared), ("other", null), ("second", Shared)])
        {
            await Under.PassAsync(TimeSpan.FromMilliseconds(10));
            await Under.CreateAsync(id, Host, Minute, remote: remote);
        }

        var claims = new List<Ampora.Wakeups.Claim>();
        foreach (var id in taken)
            claims.Add(await ClaimAsync(id));
        foreach (var id in (string[])["second", "other", "first"])
            await AssertNotClaimableAsync(id);
        await FinishAsync(claims[0], "a");
        Assert.Equal(["first", "second"], await Store.TakeWaitingForHostAsync(Host, Token));
        Assert.Equal(["other"], await Store.TakeWaitingForHostAsync(Host, Token));
        Assert.Empty(await Store.TakeWaitingForHostAsync(Host, Token));
        await ClaimAsync("first");
        await AssertNotClaimableAsync("other");
        await ClaimAsync("second");
    }

    [Fact]
    public async Task Concurrent_claims_of_few_remotes_never_exceed_a_hosts_remotes()
    {
        var ids = Enumerable.Range(0, 40).Select(i => $"source-{i:d2}").ToList();
        for (var i = 0; i < ids.Count; i++)
            await Under.CreateAsync(ids[i], Host, Minute, remote: $"https://git.test/{i % 10}.git");
        var attempts = await Task.WhenAll(ids.Select(id => Task.Run(() => Store.ClaimAsync(id, "sweeper", Token), Token)));
        var remotes = attempts.Select(a => a.Claim).OfType<Ampora.Wakeups.Claim>().GroupBy(c => c.Url).ToList();
        Assert.Equal(Under.Policy.ChecksPerHost, remotes.Count);
        // All four of each remote, apart from those that asked before the first of theirs.
        Assert.All(remotes, remote => Assert.InRange(remote.Count(), 1, 4));
    }

    [Fact]
    public async Task Wake_ups_that_nobody_finished_wait_for_a_place_on_their_host()
    {
        for (var i = 0; i < Under.Policy.ChecksPerHost; i++)
        {
            await Under.CreateAsync($"taken-{i}", Host, Minute, remote: $"https://git.test/{i}.git");
            await ClaimAsync($"taken-{i}");
        }

        await Under.CreateAsync("same", Host, Minute, remote: "https://git.test/3.git");
        await Under.CreateAsync("full", Host, Minute);
        await Under.PassAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(["same"], await Store.TakeUnfinishedAsync(10, Token));
    }
}
