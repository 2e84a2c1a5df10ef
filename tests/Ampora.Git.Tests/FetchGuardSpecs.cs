using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>What a fetch must never do, whatever the host, the repository or the machine is like.</summary>
public sealed class FetchGuardSpecs : IAsyncLifetime
{
    private const string Secret = "s3cr3t-p4ssw0rd";

    private readonly GitServices _git = new();
    private GitHttpServer _server = null!;
    private GitRepository _repository = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private GitRemote Remote => GitServices.Remote(_repository);

    public async ValueTask InitializeAsync()
    {
        _server = await GitHttpServer.StartAsync();
        _repository = _server.CreateRepository();
    }

    public async ValueTask DisposeAsync()
    {
        await _git.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_credential_reaches_the_host_and_no_command_line_no_environment_and_no_file()
    {
        await _repository.CommitAsync([new GitFile("big.bin", RandomNumberGenerator.GetBytes(500_000))]);
        _repository.RequireBasic("ada", Secret);
        var remote = GitServices.Remote(_repository, GitServices.Basic("ada", Secret));
        var tip = await _git.Tips.ReadAsync(remote, "main", 0, Cancelled);
        using var gate = _repository.Hold(GitRequestKind.Fetch);

        var fetching = _git.Fetcher.FetchAsync(remote, tip, null, "key", Cancelled);
        await gate.Reached.WaitAsync(TimeSpan.FromSeconds(60), Cancelled);
        var processes = OwnGits().Select(id => $"{ReadProc(id, "cmdline")} {ReadProc(id, "environ")}").ToList();
        gate.Open();
        await using var commit = await fetching;

        Assert.Contains(processes, process => process.Contains("fetch", StringComparison.Ordinal));
        Assert.Contains(processes, process => process.Contains("remote-http", StringComparison.Ordinal));
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes($"ada:{Secret}"));
        foreach (var text in processes.Concat(Directory.EnumerateFiles(_git.CacheFolder, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))
            .Select(file => Encoding.Latin1.GetString(File.ReadAllBytes(file)))))
        {
            Assert.DoesNotContain(Secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain(encoded, text, StringComparison.Ordinal);
            Assert.DoesNotContain($":{_server.Port}/", text, StringComparison.Ordinal);
        }

        // The relay's secret is in no command line either: other users of the machine could read it there.
        Assert.All(OwnCommandLinesOf(processes), line => Assert.DoesNotContain("X-Ampora-Relay", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_relay_answers_nobody_but_the_git_that_it_was_opened_for()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        using var gate = _repository.Hold(GitRequestKind.Fetch);
        var fetching = _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);
        await gate.Reached.WaitAsync(TimeSpan.FromSeconds(60), Cancelled);
        var url = OwnGits().SelectMany(id => ReadProc(id, "cmdline").Split('\0')).First(argument => argument.StartsWith("http://127.0.0.1:", StringComparison.Ordinal));
        _repository.ForgetRequests();

        using var client = new HttpClient();
        foreach (var suffix in new[] { "/info/refs?service=git-upload-pack", "/git-upload-pack", "/../x", "" })
        {
            using var get = await client.GetAsync(new Uri(url + suffix), Cancelled);
            using var post = await client.PostAsync(new Uri(url + suffix), new StringContent("0000"), Cancelled);
            Assert.Equal((404, 404), ((int)get.StatusCode, (int)post.StatusCode));
        }

        gate.Open();
        await using var commit = await fetching;
        Assert.Empty(_repository.Requests);
    }

    [Fact]
    public async Task What_the_host_answers_to_a_fetch_is_said_as_for_a_tip()
    {
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);

        _repository.RequireBasic("ada", Secret);
        Assert.Equal("auth_failed", (await FailAsync(tip)).Code);
        _repository.RequireNothing();

        _repository.FailWith = 404;
        Assert.Equal("not_found", (await FailAsync(tip)).Code);
        _repository.FailWith = null;

        _repository.RedirectTo = "http://169.254.169.254/x.git";
        Assert.Equal("moved", (await FailAsync(tip)).Code);
        _repository.RedirectTo = null;

        await using var commit = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);
        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }

    [Fact]
    public async Task A_host_that_wants_to_be_left_alone_is_when_it_says_so_to_a_fetch()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        _repository.FailWith = 429;
        _repository.RetryAfter = "9";

        var limited = await FailAsync(tip);
        _repository.FailWith = null;
        _repository.ForgetRequests();
        var alone = await Assert.ThrowsAsync<GitException>(() => _git.Tips.ReadAsync(Remote, "main", 0, Cancelled));

        Assert.Equal(("rate_limited", 9), (limited.Code, (int?)limited.RetryAfter?.TotalSeconds));
        Assert.Equal("rate_limited", alone.Code);
        Assert.Empty(_repository.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_commit_that_the_host_no_longer_has_is_a_tip_that_moved(bool onlyV0)
    {
        await _repository.CommitAsync(("a.txt", "one"));
        _repository.OnlyProtocolV0 = onlyV0;

        Assert.Equal("tip_moved", (await FailAsync(new Tip(new string('1', 40), "refs/heads/main"))).Code);
    }

    [Fact]
    public async Task Without_v2_a_tag_and_a_tip_that_was_pushed_over_are_fetched_by_their_ref()
    {
        _repository.OnlyProtocolV0 = true;
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        await _repository.TagAsync("v1", sha);
        await _repository.CommitAsync(("a.txt", "two"));
        var tip = await _git.Tips.ReadAsync(Remote, "v1", 0, Cancelled);

        await using (var commit = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled))
            await FetchSpecs.AssertSameAsync(_repository, sha, commit);
        Assert.Equal("tip_moved", (await FailAsync(new Tip(sha, "refs/heads/main"), "other")).Code);
    }

    [Fact]
    public async Task A_cancelled_fetch_leaves_no_process_and_the_next_one_works()
    {
        var sha = await _repository.CommitAsync(("a.txt", "one"));
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        using (var gate = _repository.Hold(GitRequestKind.Fetch))
        {
            using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
            var fetching = _git.Fetcher.FetchAsync(Remote, tip, null, "key", impatient.Token);
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(60), Cancelled);
            Assert.NotEmpty(OwnGits());
            await impatient.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetching);
            await AssertNoGitAsync();
        }

        await using var commit = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);
        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }

    [Fact]
    public async Task A_fetch_past_its_deadline_ends_and_leaves_no_process()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        await using var git = new GitServices(limits => limits.FetchDeadline = TimeSpan.FromSeconds(2));
        var tip = await git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        _repository.Hangs = true;

        var error = await Assert.ThrowsAsync<GitException>(() => git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled));

        Assert.Equal("timeout", error.Code);
        await AssertNoGitAsync(git.CacheFolder);
    }

    [Fact]
    public async Task A_commit_given_back_leaves_no_process_also_when_its_blobs_were_not_read()
    {
        await _repository.CommitAsync([new GitFile("big.bin", RandomNumberGenerator.GetBytes(3_000_000))]);
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);

        var commit = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);
        Assert.Single(OwnGits());
        var blob = commit.Entries.Single().ObjectId;
        await Assert.ThrowsAsync<InvalidDataException>(
            () => commit.ReadBlobsAsync([blob], (_, _, _, _) => throw new InvalidDataException("the store is full"), Cancelled));
        await commit.DisposeAsync();

        await AssertNoGitAsync();
    }

    [Fact]
    public async Task A_cache_that_is_gone_or_spoilt_is_made_anew()
    {
        var cache = Path.Combine(_git.CacheFolder, "key.git");
        Action[] accidents =
        [
            () => Directory.Delete(cache, recursive: true),
            () => File.Delete(Path.Combine(cache, "HEAD")),
            () => File.AppendAllText(Path.Combine(cache, "config"), "[core]\n\tsshCommand = touch /tmp/owned\n"),
            () => File.WriteAllText(Path.Combine(cache, "shallow.lock"), ""),
            () => File.WriteAllText(Path.Combine(cache, "refs/ampora/tip"), "nonsense"),
            () => File.WriteAllText(Path.Combine(cache, "refs/ampora/tip"), new string('1', 40) + "\n"),
            () => Spoil(cache, "*.idx", length => length - 100),
            () => Array.ForEach(Directory.GetFiles(Path.Combine(cache, "objects/pack"), "*.idx"), File.Delete),
            () => File.WriteAllText(Path.Combine(cache, "shallow"), "nonsense\n"),
            () => Directory.Delete(Path.Combine(cache, "objects"), recursive: true),
        ];
        await _repository.CommitAsync([new GitFile("keep.bin", RandomNumberGenerator.GetBytes(10_000))]);
        var number = 0;
        foreach (var accident in (Action[])[() => { }, .. accidents])
        {
            accident();
            var sha = await _repository.CommitAsync(("a.txt", $"{++number}"));
            await FetchAndCompareAsync(sha);
        }
    }

    [Fact]
    public async Task Content_that_the_disk_has_spoilt_is_never_handed_out_and_the_next_fetch_heals_it()
    {
        var sha = await _repository.CommitAsync([new GitFile("keep.bin", RandomNumberGenerator.GetBytes(10_000))]);
        await FetchAndCompareAsync(sha);
        Spoil(Path.Combine(_git.CacheFolder, "key.git"), "*.pack", length => length / 2);

        var error = await Assert.ThrowsAsync<GitException>(() => FetchAndCompareAsync(sha));
        Assert.Equal("fetch_failed", error.Code);
        await FetchAndCompareAsync(sha);
    }

    private async Task FetchAndCompareAsync(string sha)
    {
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        Assert.Equal(sha, tip.Sha);
        await using var commit = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);
        await FetchSpecs.AssertSameAsync(_repository, sha, commit);
    }

    [Fact]
    public async Task Fetches_into_one_cache_wait_for_each_other_and_others_do_not()
    {
        await _repository.CommitAsync(("a.txt", "one"));
        var tip = await _git.Tips.ReadAsync(Remote, "main", 0, Cancelled);
        var first = await _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);

        var second = _git.Fetcher.FetchAsync(Remote, tip, null, "key", Cancelled);
        await using (await _git.Fetcher.FetchAsync(Remote, tip, null, "other", Cancelled))
            Assert.False(second.IsCompleted);
        await first.DisposeAsync();
        await (await second).DisposeAsync();
    }

    [Fact]
    public async Task Many_fetches_at_once_each_get_their_own_commit()
    {
        var expected = new ConcurrentDictionary<string, string>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 12), Cancelled, async (i, cancellationToken) =>
        {
            var repository = _server.CreateRepository($"many/{i}");
            var sha = await repository.CommitAsync(($"{i}.txt", $"content {i}"));
            var remote = GitServices.Remote(repository);
            await using var commit = await _git.Fetcher.FetchAsync(remote, await _git.Tips.ReadAsync(remote, "main", 0, cancellationToken), null, $"many-{i}", cancellationToken);
            expected[$"{i}.txt"] = Assert.Single(commit.Entries).Path;
        });

        Assert.Equal(12, expected.Count);
        Assert.All(expected, pair => Assert.Equal(pair.Key, pair.Value));
    }

    private static void Spoil(string cache, string pattern, Func<long, long> where)
    {
        foreach (var path in Directory.GetFiles(Path.Combine(cache, "objects/pack"), pattern))
        {
            File.SetAttributes(path, FileAttributes.Normal);
            using var file = File.Open(path, FileMode.Open);
            file.Position = where(file.Length);
            file.Write("spoilt"u8);
        }
    }

    private Task<GitException> FailAsync(Tip tip, string key = "key") =>
        Assert.ThrowsAsync<GitException>(() => _git.Fetcher.FetchAsync(Remote, tip, null, key, Cancelled));

    private static IEnumerable<string> OwnCommandLinesOf(IEnumerable<string> processes) => processes.Select(process => process[..process.IndexOf("\0 ", StringComparison.Ordinal)]);

    /// <summary>Every process that works on a cache of this test, whoever its parent is by now.</summary>
    private List<int> OwnGits(string? folder = null) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!))
            .Where(id => ReadProc(id, "environ").Contains(folder ?? _git.CacheFolder, StringComparison.Ordinal)),
    ];

    private async Task AssertNoGitAsync(string? folder = null)
    {
        // A killed process is gone before the call returns; its orphaned children may be a moment from it.
        for (var started = Stopwatch.GetTimestamp(); OwnGits(folder).Count > 0 && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10);)
            await Task.Delay(20, Cancelled);
        Assert.Empty(OwnGits(folder).Select(id => ReadProc(id, "cmdline")));
    }

    private static string ReadProc(int id, string file)
    {
        try
        {
            return Encoding.Latin1.GetString(File.ReadAllBytes($"/proc/{id}/{file}"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
