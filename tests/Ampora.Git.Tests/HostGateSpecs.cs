using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>A host is asked as often as it can bear, and not at all while it asks to be left alone.</summary>
public sealed class HostGateSpecs : IAsyncLifetime
{
    private readonly ManualClock _clock = new();
    private GitServices _git = null!;
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _git = new GitServices(time: _clock);
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository();
        await _repository.CommitAsync(("a.txt", "one"));
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task No_more_requests_at_once_than_a_host_is_to_get()
    {
        await using var git = new GitServices(limits => limits.RequestsPerHost = 2);
        var others = Enumerable.Range(0, 5).Select(i => _server.CreateRepository($"other-{i}")).ToList();
        foreach (var other in others)
            await other.CommitAsync(("a.txt", "one"));
        var gates = others.ConvertAll(other => other.Hold(GitRequestKind.InfoRefs));

        var reading = Task.WhenAll(others.Select(other => git.Tips.ReadAsync(GitServices.Remote(other), "main", 0, Cancelled)));
        await Task.WhenAny(gates.Select(gate => gate.Reached));
        await Task.Delay(300, Cancelled);

        Assert.InRange(others.Sum(other => other.Requests.Count), 1, 2);
        gates.ForEach(gate => gate.Open());
        await reading;
    }

    [Fact]
    public async Task One_slow_host_holds_no_other()
    {
        await using var git = new GitServices(limits => limits.RequestsPerHost = 1);
        await using var other = await GitHttpServer.StartAsync();
        var well = other.CreateRepository();
        var sha = await well.CommitAsync(("a.txt", "one"));
        _repository.Hangs = true;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var slow = Enumerable.Range(0, 20).Select(i => git.Tips.ReadAsync(
            GitServices.Remote(_repository, GitServices.Basic($"user-{i}", "x")), "main", 0, ending.Token)).ToList();

        Assert.Equal(sha, (await git.Tips.ReadAsync(GitServices.Remote(well), "main", 0, Cancelled)).Sha);

        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(slow));
    }

    [Fact]
    public async Task Who_gets_no_place_within_the_deadline_is_told_why()
    {
        await using var git = new GitServices(limits => (limits.RequestsPerHost, limits.TipDeadline) = (1, TimeSpan.FromMilliseconds(300)));
        using var place = await git.Hosts.EnterForFetchAsync(GitServices.Remote(_repository), Cancelled);

        var error = await Assert.ThrowsAsync<GitException>(() => git.Tips.ReadAsync(GitServices.Remote(_repository), "main", 0, Cancelled));

        Assert.Equal("timeout", error.Code);
        Assert.Contains("Ampora__Git__RequestsPerHost", error.Remedy, StringComparison.Ordinal);
        Assert.Empty(_repository.Requests);
    }

    [Fact]
    public async Task Fetches_leave_places_for_tips()
    {
        var remote = GitServices.Remote(_repository);
        var fetches = new List<IDisposable>();
        for (var i = 0; i < 6; i++)
            fetches.Add(await _git.Hosts.EnterForFetchAsync(remote, Cancelled));
        var next = _git.Hosts.EnterForFetchAsync(remote, Cancelled);

        Assert.Equal("refs/heads/main", (await _git.Tips.ReadAsync(remote, "main", 0, Cancelled)).RefName);
        Assert.False(next.IsCompleted);

        fetches[0].Dispose();
        fetches[0].Dispose();
        fetches.Add(await next);
        Assert.False(_git.Hosts.EnterForFetchAsync(remote, new CancellationToken(canceled: true)).IsCompletedSuccessfully);
        fetches.ForEach(place => place.Dispose());
    }

    [Fact]
    public async Task A_second_has_so_many_requests_and_a_tenth_of_them_may_come_at_once()
    {
        var remote = GitServices.Remote(_repository);
        _clock.Advance(TimeSpan.FromSeconds(10));
        var paced = 0;
        while (_git.Hosts.PaceAsync(remote, Cancelled).AsTask().IsCompleted)
            paced++;
        Assert.InRange(paced, 10, 12);

        var waiting = Enumerable.Range(0, 300).Select(_ => _git.Hosts.PaceAsync(remote, Cancelled).AsTask()).ToList();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.InRange(waiting.Count(one => one.IsCompleted), 95, 101);
        _clock.Advance(TimeSpan.FromSeconds(2.1));
        await Task.WhenAll(waiting);
    }

    [Theory]
    // GitHub: seconds since 1970.
    [InlineData("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", 1_767_225_690, 90)]
    // GitLab, and the drafts of the IETF, which count seconds.
    [InlineData("RateLimit-Remaining", "0", "RateLimit-Reset", 1_767_225_690, 90)]
    [InlineData("RateLimit-Remaining", "0", "RateLimit-Reset", 90, 90)]
    [InlineData("X-RateLimit-Remaining", "1", "X-RateLimit-Reset", 1_767_225_690, null)]
    [InlineData("X-RateLimit-Remaining", "0", "X-Other", 1_767_225_690, null)]
    [InlineData("X-RateLimit-Remaining", "0", "X-RateLimit-Reset", 1_767_225_000, null)]
    public async Task A_limit_that_a_success_used_up_counts_for_all_with_the_same_credential(string remaining, string left, string reset, long at, int? seconds)
    {
        var other = _server.CreateRepository("other");
        await other.CommitAsync(("a.txt", "one"));
        await ReadAsync(_repository);
        _repository.AnswerHeaders = new Dictionary<string, string>
        {
            [remaining] = left,
            [reset] = at.ToString(),
            ["Date"] = _clock.GetUtcNow().ToString("R"),
        };
        await ReadAsync(_repository);

        if (seconds is null)
        {
            await ReadAsync(other);
            return;
        }

        var error = await Assert.ThrowsAsync<GitException>(() => ReadAsync(other));
        Assert.Equal("rate_limited", error.Code);
        Assert.InRange(error.RetryAfter!.Value.TotalSeconds, seconds.Value - 1, seconds.Value);
        Assert.Empty(other.Requests);
        // Limits are those of an account.
        await ReadAsync(other, "ada");

        _clock.Advance(TimeSpan.FromSeconds(seconds.Value));
        await ReadAsync(other);
    }

    [Theory]
    [InlineData(429, "30", "rate_limited")]
    [InlineData(403, "30", "rate_limited")]
    [InlineData(503, "30", "host_error")]
    public async Task Who_asks_to_be_left_alone_is_left_alone_by_all(int status, string retryAfter, string code)
    {
        var other = _server.CreateRepository("other");
        await other.CommitAsync(("a.txt", "one"));
        await ReadAsync(other);
        other.ForgetRequests();
        (_repository.FailWith, _repository.RetryAfter) = (status, retryAfter);

        Assert.Equal(code, (await Assert.ThrowsAsync<GitException>(() => ReadAsync(_repository))).Code);
        var alone = await Assert.ThrowsAsync<GitException>(() => ReadAsync(other));
        var fetch = await Assert.ThrowsAsync<GitException>(() => _git.Hosts.EnterForFetchAsync(GitServices.Remote(other), Cancelled));

        Assert.Equal("rate_limited", alone.Code);
        Assert.Equal(TimeSpan.FromSeconds(30), alone.RetryAfter);
        Assert.Equal("rate_limited", fetch.Code);
        Assert.Empty(other.Requests);

        _clock.Advance(TimeSpan.FromSeconds(30));
        await ReadAsync(other);
    }

    private Task<Tip> ReadAsync(GitRepository repository, string? user = null) =>
        _git.Tips.ReadAsync(GitServices.Remote(repository, user is null ? null : GitServices.Basic(user, "x")), "main", 0, Cancelled);
}
