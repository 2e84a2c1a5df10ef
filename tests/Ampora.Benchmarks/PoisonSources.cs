using Ampora.Deployments;
using Ampora.TestServers;
using Ampora.TestServers.Hostile;

namespace Ampora.Benchmarks;

/// <summary>Sources whose Git hosts do all that a check may meet, webhooked and polled without end while they are switched on.</summary>
internal sealed class PoisonSources : IAsyncDisposable
{
    // Of each kind, on the host that healthy sources are on as well, and on one of their own.
    private const int Hung = 10;
    private const int Others = 4;

    // A Git host that is set up to be a nuisance: each source is pushed to all the time.
    private static readonly TimeSpan WebhookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FlapEvery = TimeSpan.FromSeconds(3);
    private const int PollSeconds = 5;

    private readonly Deployment _deployment;
    private readonly List<IAsyncDisposable> _hosts = [];
    private readonly List<WatchedSource> _sources = [];
    private readonly List<(GitRepository Repository, Action<GitRepository, bool> Poison)> _repositories = [];
    private readonly List<GitRepository> _flapping = [];
    private CancellationTokenSource? _on;
    private Task _work = Task.CompletedTask;

    private PoisonSources(Deployment deployment) => _deployment = deployment;

    public int Count => _sources.Count;

    public IReadOnlyList<WatchedSource> Sources => _sources;

    public static async Task<PoisonSources> CreateAsync(Deployment deployment, GitHttpServer shared)
    {
        var poison = new PoisonSources(deployment);
        var apart = await GitHttpServer.StartAsync();
        poison._hosts.Add(apart);
        foreach (var (host, where) in new[] { (shared, "beside"), (apart, "apart") })
        {
            await poison.AddAsync(host, $"{where}-hung", Hung, (repository, on) => repository.Hangs = on);
            await poison.AddAsync(host, $"{where}-slow", Others, (repository, on) => repository.Drips = on);
            await poison.AddAsync(host, $"{where}-fetch", Others, HoldFetches());
            await poison.AddAsync(host, $"{where}-error", Others, (repository, on) => repository.FailWith = on ? 500 : null);
            await poison.AddAsync(host, $"{where}-denied", Others, (repository, on) => repository.FailWith = on ? 401 : null);
            await poison.AddAsync(host, $"{where}-flapping", Others, (repository, on) => poison.Flap(repository, on));
        }

        await poison.AddAsync("refused", $"http://127.0.0.1:{FreePort.Next()}/x.git");
        await poison.AddAsync("nameless", "http://no-such-host.invalid/x.git");
        await poison.AddAsync("listing", await poison.HostAsync(HostileGitHost.ListingAsync(refs: 5_000_000)));
        var (sha, pack) = HostilePacks.MillionFiles();
        await poison.AddAsync("million", await poison.HostAsync(HostileGitHost.ServingAsync(sha, pack)));
        (sha, pack) = HostilePacks.HugeBlob();
        await poison.AddAsync("huge", await poison.HostAsync(HostileGitHost.ServingAsync(sha, pack)));
        await poison.AddAsync("never", await poison.HostAsync(HostileGitHost.HangingAsync()));
        await poison.PauseAsync();
        return poison;
    }

    /// <summary>Lets them loose.</summary>
    public async Task SwitchOnAsync()
    {
        foreach (var (repository, act) in _repositories)
            act(repository, true);
        foreach (var source in _sources)
            await _deployment.PostAsync($"/api/git/sources/{source.Id}/resume", new { });
        _on = new CancellationTokenSource();
        _work = Task.WhenAll(WebhookAsync(_on.Token), FlapAsync(_on.Token));
    }

    /// <summary>Ends what they do, and waits until no check of them runs.</summary>
    public async Task SwitchOffAsync()
    {
        await _on!.CancelAsync();
        await _work;
        await PauseAsync();
        foreach (var (repository, act) in _repositories)
            act(repository, false);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await host.DisposeAsync();
        _on?.Dispose();
    }

    private async Task PauseAsync()
    {
        foreach (var source in _sources)
            await _deployment.PostAsync($"/api/git/sources/{source.Id}/pause", new { });
    }

    private async Task AddAsync(GitHttpServer host, string name, int count, Action<GitRepository, bool> poison)
    {
        for (var i = 0; i < count; i++)
        {
            var source = await _deployment.WatchAsync(PollSeconds, $"poison-{name}-{i}", host.CreateRepository($"poison/{name}-{i}"));
            _sources.Add(source);
            _repositories.Add((source.Repository, poison));
        }
    }

    private async Task AddAsync(string name, string url)
    {
        var id = $"poison-{name}";
        await _deployment.PostAsync("/api/git/sources", new { id, url, @ref = "main", pollIntervalSeconds = PollSeconds });
        var token = (await _deployment.PostAsync($"/api/git/sources/{id}/webhook/token", new { }))["token"]!.GetValue<string>();
        _sources.Add(new WatchedSource(_deployment, id, _repositories[0].Repository, token));
    }

    private async Task<string> HostAsync(Task<HostileGitHost> starting)
    {
        var host = await starting;
        _hosts.Add(host);
        return host.Url;
    }

    // The tip moves, and the fetch of it never ends.
    private static Action<GitRepository, bool> HoldFetches()
    {
        var gates = new Dictionary<GitRepository, GitGate>();
        return (repository, on) =>
        {
            if (!on)
            {
                gates[repository].Open();
                return;
            }

            gates[repository] = repository.Hold(GitRequestKind.Fetch);
            repository.CommitAsync(("file", $"{Guid.NewGuid()}")).GetAwaiter().GetResult();
        };
    }

    private void Flap(GitRepository repository, bool on)
    {
        repository.Hangs = false;
        lock (_flapping)
        {
            if (on)
                _flapping.Add(repository);
            else
                _flapping.Remove(repository);
        }
    }

    private async Task FlapAsync(CancellationToken off)
    {
        try
        {
            while (true)
            {
                await Task.Delay(FlapEvery, off);
                lock (_flapping)
                    _flapping.ForEach(repository => repository.Hangs = !repository.Hangs);
            }
        }
        catch (OperationCanceledException)
        {
            // Switched off.
        }
    }

    private async Task WebhookAsync(CancellationToken off)
    {
        try
        {
            while (true)
            {
                await Task.WhenAll(_sources.Select(async source =>
                {
                    using var answer = await source.SendWebhookAsync();
                    answer.EnsureSuccessStatusCode();
                }));
                await Task.Delay(WebhookEvery, off);
            }
        }
        catch (OperationCanceledException)
        {
            // Switched off.
        }
    }
}
