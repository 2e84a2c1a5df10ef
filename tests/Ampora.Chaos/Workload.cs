using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using Ampora.Deployments;

namespace Ampora.Chaos;

/// <summary>
/// Pushes, webhooks and calls of the API, from a seed: sources with real repositories, commits now and then forced back, a signed webhook in GitHub's manner for
/// every other source and one with a token for the rest, sent again until it is acknowledged. Every third source is polled, and of its pushes some have no webhook.
/// </summary>
public sealed class Workload
{
    // As long as GitHub waits for an answer.
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstResend = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastResend = TimeSpan.FromSeconds(8);

    // A sender that was never answered in so long has lost its webhook, and that is a finding.
    private static readonly TimeSpan SenderPatience = TimeSpan.FromMinutes(4);

    private const int PolledEverySeconds = 15;

    private readonly Deployment _deployment;
    private readonly Journal _journal;
    private readonly List<LoadedSource> _sources;
    private readonly double _pushesPerSecond;
    private readonly Random _random;
    private readonly CancellationTokenSource _stopping = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
    private readonly ConcurrentBag<Task> _sending = [];
    private readonly string _prefix;
    private Task _pushing = Task.CompletedTask;
    private Task _acting = Task.CompletedTask;
    private int _acts;

    private Workload(Deployment deployment, Journal journal, List<LoadedSource> sources, double pushesPerSecond, int seed, string prefix)
    {
        _deployment = deployment;
        _journal = journal;
        _sources = sources;
        _pushesPerSecond = pushesPerSecond;
        _random = new Random(seed);
        _prefix = prefix;
    }

    public IReadOnlyList<LoadedSource> Sources => _sources;

    /// <summary>Makes the sources, and begins to push when each has its first run.</summary>
    /// <param name="deployment">The deployment.</param>
    /// <param name="journal">Where everything is noted.</param>
    /// <param name="sources">How many sources.</param>
    /// <param name="pushesPerSecond">The mean of their pushes together; 0: none but those of <see cref="PushAsync"/>.</param>
    /// <param name="seed">Decides everything that chance decides.</param>
    /// <param name="acts">Whether the API is asked for checks, changes and new sources meanwhile.</param>
    public static async Task<Workload> StartAsync(
        Deployment deployment, Journal journal, int sources = 24, double pushesPerSecond = 3, int seed = 1, bool acts = true)
    {
        var prefix = $"load-{Guid.NewGuid():n}"[..11];
        var made = new LoadedSource[sources];
        await Parallel.ForAsync(0, sources, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            var polled = i % 3 == 2;
            var watched = await deployment.AddAsync(polled ? PolledEverySeconds : 86_400, id: $"{prefix}-{i}");
            if (i % 2 == 0)
                await watched.UseAsync("github");
            made[i] = new LoadedSource(watched, i % 2 == 0 ? "github" : "token", polled);
            var first = (await watched.Repository.TipAsync())!;
            made[i].Pushed.Add(first);
            journal.Follow(watched.Id, () => watched.Repository.TipAsync());
            journal.Pushed(watched.Id, first);
        });
        foreach (var source in made)
            await source.Watched.WaitForTipAsync(seconds: 120);
        var load = new Workload(deployment, journal, [.. made], pushesPerSecond, seed, prefix);
        if (pushesPerSecond > 0)
            load._pushing = load.PushAlongAsync();
        if (acts)
            load._acting = load.ActAlongAsync();
        return load;
    }

    /// <summary>Ends the load; what was pushed and not acknowledged yet is sent on until it is.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_pushing, _acting);
        while (_sending.TryTake(out var sending))
            await sending;
    }

    /// <summary>Pushes a commit, and sends its webhook until it is acknowledged.</summary>
    /// <returns>The commit.</returns>
    public async Task<string> PushAsync(LoadedSource source)
    {
        var sha = await CommitAsync(source, back: false);
        await SendUntilAcknowledgedAsync(source, sha);
        return sha;
    }

    /// <summary>Pushes a commit without a webhook.</summary>
    /// <returns>The commit.</returns>
    public Task<string> PushSilentlyAsync(LoadedSource source) => CommitAsync(source, back: false);

    /// <summary>Sends a webhook until it is acknowledged.</summary>
    public async Task SendUntilAcknowledgedAsync(LoadedSource source, string sha)
    {
        var id = Guid.NewGuid().ToString();
        var began = Stopwatch.GetTimestamp();
        for (var pause = FirstResend; await SendAsync(source, sha, id) != 202; pause = pause * 2 < LastResend ? pause * 2 : LastResend)
        {
            if (Stopwatch.GetElapsedTime(began) > SenderPatience)
                return;
            await Task.Delay(pause, Deployment.Token);
        }
    }

    /// <summary>Sends a webhook once.</summary>
    /// <returns>The status of the answer; null when there was none.</returns>
    public async Task<int?> SendAsync(LoadedSource source, string sha, string senderId)
    {
        var at = TimeProvider.System.GetUtcNow();
        using var request = source.RequestOf(sha, senderId);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        deadline.CancelAfter(AnswerDeadline);
        var sent = new Webhook(source.Kind, source.Id, sha, senderId, at, null, null, null, false, null);
        try
        {
            using var response = await _deployment.Sender.SendAsync(request, deadline.Token);
            var text = await response.Content.ReadAsStringAsync(deadline.Token);
            var body = (int)response.StatusCode == 202 ? System.Text.Json.Nodes.JsonNode.Parse(text) : null;
            sent = sent with
            {
                Status = (int)response.StatusCode,
                RetryAfter = response.Headers.RetryAfter is not null,
                DeliveryId = body?["deliveryId"]?.GetValue<string>(),
                Verdict = body?["verdict"]?.GetValue<string>(),
                Detail = body is null ? text : body["reason"]?.GetValue<string>(),
            };
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException || (e is OperationCanceledException && !Deployment.Token.IsCancellationRequested))
        {
            sent = sent with { Detail = e.Message };
        }

        _journal.Sent(sent);
        return sent.Status;
    }

    private async Task<string> CommitAsync(LoadedSource source, bool back)
    {
        await source.Pushing.WaitAsync(Deployment.Token);
        try
        {
            string sha;
            if (back)
            {
                sha = source.Pushed[^2];
                await source.Watched.Repository.ForcePushAsync(sha);
            }
            else
            {
                sha = await source.Watched.Repository.CommitAsync(("pushed", $"{source.Id} {source.Pushed.Count}"), ($"files/{source.Pushed.Count % 7}", $"{source.Pushed.Count}"));
            }

            source.Pushed.Add(sha);
            _journal.Pushed(source.Id, sha);
            return sha;
        }
        finally
        {
            source.Pushing.Release();
        }
    }

    private async Task PushAlongAsync()
    {
        var began = Stopwatch.GetTimestamp();
        for (var i = 1; !_stopping.IsCancellationRequested; i++)
        {
            var source = _sources[_random.Next(_sources.Count)];
            var back = source.Pushed.Count > 2 && _random.Next(10) == 0;
            var announced = !source.IsPolled || _random.Next(3) > 0;
            var sha = await CommitAsync(source, back);
            if (announced)
                _sending.Add(SendUntilAcknowledgedAsync(source, sha));
            if (!await WaitAsync(TimeSpan.FromSeconds(i / _pushesPerSecond) - Stopwatch.GetElapsedTime(began)))
                return;
        }
    }

    private async Task ActAlongAsync()
    {
        while (await WaitAsync(TimeSpan.FromSeconds(1)))
        {
            var n = _acts++;
            var source = _sources[n % _sources.Count];
            if (n % 10 == 9)
                await CreateAsync($"{_prefix}-more-{n}");
            else if (n % 2 == 0)
                await ActAsync(source.Id, "source.check_requested", null, () => new HttpRequestMessage(HttpMethod.Post, $"/api/git/sources/{source.Id}/check"));
            else
                await ActAsync(source.Id, "source.changed", $"mark {n}", () => new HttpRequestMessage(HttpMethod.Patch, $"/api/git/sources/{source.Id}") { Content = JsonContent.Create(new { description = $"mark {n}" }) });
        }
    }

    // Until it is there: one that nobody answered for may have been made.
    private async Task CreateAsync(string id)
    {
        var repository = _deployment.Git.CreateRepository(id);
        var sha = await repository.CommitAsync(("README.md", $"# {id}\n"));
        while (await ActAsync(id, "source.created", null, () => new HttpRequestMessage(HttpMethod.Post, "/api/git/sources")
        { Content = JsonContent.Create(new { id, url = repository.Url, @ref = "main", pollIntervalSeconds = 86_400 }) }) is not (>= 200 and < 500))
        {
            await Task.Delay(FirstResend, Deployment.Token);
        }

        _journal.Pushed(id, sha);
        _journal.Follow(id, () => repository.TipAsync());
    }

    private async Task<int?> ActAsync(string source, string action, string? mark, Func<HttpRequestMessage> make)
    {
        var act = new Act(source, action, mark, TimeProvider.System.GetUtcNow(), null, null);
        using var request = make();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        deadline.CancelAfter(AnswerDeadline);
        try
        {
            using var response = await _deployment.Api.SendAsync(request, deadline.Token);
            act = act with { Status = (int)response.StatusCode, Detail = response.IsSuccessStatusCode ? null : await response.Content.ReadAsStringAsync(deadline.Token) };
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException || (e is OperationCanceledException && !Deployment.Token.IsCancellationRequested))
        {
            act = act with { Detail = e.Message };
        }

        _journal.Acted(act);
        return act.Status;
    }

    private async Task<bool> WaitAsync(TimeSpan time)
    {
        if (time > TimeSpan.Zero)
            await Task.Delay(time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !_stopping.IsCancellationRequested;
    }
}

/// <summary>A source of the load.</summary>
/// <param name="watched">The source.</param>
/// <param name="kind"><c>github</c> or <c>token</c>: how its webhooks prove where they are from.</param>
/// <param name="polled">Whether polls would find a push that no webhook tells of.</param>
public sealed class LoadedSource(WatchedSource watched, string kind, bool polled)
{
    public WatchedSource Watched => watched;

    public string Id => watched.Id;

    public string Kind => kind;

    public bool IsPolled => polled;

    /// <summary>What was pushed, in order; the branch is at the last.</summary>
    internal List<string> Pushed { get; } = [];

    internal SemaphoreSlim Pushing { get; } = new(1);

    /// <summary>Waits for the run of a commit, or of one that was pushed after it: under load the commit may have been passed before anybody looked.</summary>
    public Task WaitUntilPassedAsync(string sha, int seconds) => watched.WaitForRunAsync(
        run =>
        {
            var place = Pushed.IndexOf(sha);
            // One that the branch was forced back to had its run before.
            return run["sha"]?.GetValue<string>() is { } ran && Pushed.IndexOf(ran) >= place;
        },
        $"{Id} runs {sha} or a later commit",
        seconds);

    /// <summary>The webhook that tells of a commit.</summary>
    public HttpRequestMessage RequestOf(string sha, string senderId)
    {
        if (kind == "github")
            return GitHubDelivery.Sign(watched.WebhookPath, watched.WebhookToken, GitHubDelivery.PushOf(watched.Repository.Url, sha), deliveryId: senderId);
        var request = new HttpRequestMessage(HttpMethod.Post, watched.WebhookPath) { Content = JsonContent.Create(new { @ref = "refs/heads/main" }) };
        request.Headers.TryAddWithoutValidation("X-Ampora-Webhook-Token", watched.WebhookToken);
        request.Headers.TryAddWithoutValidation("webhook-id", senderId);
        return request;
    }
}
