using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Sources on one remote share one listing of its refs, which begins after all of them asked.</summary>
public sealed class SharedReadingSpecs : IAsyncLifetime
{
    private readonly GitServices _git = new();
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository();
        await _repository.CommitAsync(("a.txt", "one"));
        await ReadAsync("main");
        _repository.ForgetRequests();
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Fifty_that_come_together_are_one_request()
    {
        var tips = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => ReadAsync("main", 49 - i)));

        Assert.Single(tips.Distinct());
        Assert.Equal(1, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task Fifty_that_know_nothing_of_each_other_are_two()
    {
        using var gate = _repository.Hold(GitRequestKind.LsRefs);
        var reading = Enumerable.Range(0, 50).Select(_ => ReadAsync("main")).ToList();
        await gate.Reached;
        gate.Open();

        Assert.Single((await Task.WhenAll(reading)).Distinct());
        Assert.Equal(2, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task Each_gets_its_own_ref()
    {
        for (var i = 0; i < 10; i++)
            await _repository.CommitAsync([new GitFile("a.txt", [(byte)i])], $"branch-{i}");
        var expected = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => _repository.TipAsync($"refs/heads/branch-{i}")));

        var tips = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => ReadAsync($"branch-{i}", 9 - i)));

        Assert.Equal(expected, tips.Select(tip => tip.Sha));
        Assert.Equal(1, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task More_refs_than_a_request_has_room_for_are_found_as_well()
    {
        var sha = (await ReadAsync("main")).Sha;
        var commands = string.Concat(Enumerable.Range(0, 150).Select(i => $"create refs/heads/many-{i} {sha}\n"));
        await _repository.RunGitAsync(System.Text.Encoding.ASCII.GetBytes(commands), "update-ref", "--stdin");
        _repository.ForgetRequests();

        var tips = await Task.WhenAll(Enumerable.Range(0, 150).Select(i => ReadAsync($"many-{i}", 149 - i)));

        Assert.Equal(Enumerable.Range(0, 150).Select(i => $"refs/heads/many-{i}"), tips.Select(tip => tip.RefName));
        Assert.InRange(_repository.Count(GitRequestKind.LsRefs), 3, 4);
    }

    [Fact]
    public async Task Who_asks_after_a_push_never_gets_a_listing_from_before_it()
    {
        using var gate = _repository.Hold(GitRequestKind.LsRefs);
        var before = ReadAsync("main");
        await gate.Reached;
        var pushed = await _repository.CommitAsync(("a.txt", "two"));
        var after = ReadAsync("main");
        gate.Open();

        await before;
        Assert.Equal(pushed, (await after).Sha);
        Assert.Equal(2, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task Companions_that_never_come_are_not_waited_for()
    {
        Assert.Equal("refs/heads/main", (await ReadAsync("main", companions: 1000)).RefName);
        Assert.Equal(1, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task A_missing_ref_is_the_failure_of_its_own_source_alone()
    {
        var there = ReadAsync("main", 1);
        var missing = Assert.ThrowsAsync<GitException>(() => ReadAsync("missing"));

        Assert.Equal("refs/heads/main", (await there).RefName);
        Assert.Equal("ref_not_found", (await missing).Code);
    }

    [Fact]
    public async Task A_host_s_failure_is_everybody_s()
    {
        _repository.FailWith = 500;

        var errors = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Assert.ThrowsAsync<GitException>(() => ReadAsync("main", 9 - i))));

        Assert.All(errors, error => Assert.Equal("host_error", error.Code));
        Assert.Equal(1, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task Another_credential_never_shares()
    {
        await _git.Tips.ReadAsync(GitServices.Remote(_repository, GitServices.Basic("ada", "x")), "main", 0, Cancelled);
        _repository.ForgetRequests();

        await Task.WhenAll(
            ReadAsync("main", 1),
            _git.Tips.ReadAsync(GitServices.Remote(_repository, GitServices.Basic("ada", "x")), "main", 1, Cancelled));

        Assert.Equal(2, _repository.Count(GitRequestKind.LsRefs));
    }

    [Fact]
    public async Task Who_leaves_takes_nothing_from_the_others_and_the_last_ends_the_request()
    {
        using var gate = _repository.Hold(GitRequestKind.LsRefs);
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var leaving = ReadAsync("main", 1, impatient.Token);
        var staying = ReadAsync("main");
        await gate.Reached;
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        Assert.False(staying.IsCompleted);
        gate.Open();
        Assert.Equal("refs/heads/main", (await staying).RefName);

        using var held = _repository.Hold(GitRequestKind.LsRefs);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var abandoned = ReadAsync("main", 0, all.Token);
        await held.Reached;
        await all.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        // The host still holds that request; a new reading need not wait for it.
        held.Open();
        Assert.Equal("refs/heads/main", (await ReadAsync("main")).RefName);
    }

    [Fact]
    public async Task Many_that_come_and_go_leave_nobody_waiting()
    {
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
            if (i % 3 == 0)
                leaving.CancelAfter(i % 30);
            try
            {
                await ReadAsync("main", i % 5, leaving.Token);
            }
            catch (OperationCanceledException) when (i % 3 == 0)
            {
                // Gone before its listing.
            }
        }));

        Assert.Equal("refs/heads/main", (await ReadAsync("main")).RefName);
    }

    private Task<Tip> ReadAsync(string refName, int companions = 0, CancellationToken? cancellationToken = null) =>
        _git.Tips.ReadAsync(GitServices.Remote(_repository), refName, companions, cancellationToken ?? Cancelled);
}
