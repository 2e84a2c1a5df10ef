using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Ampora.TestServers;

namespace Ampora.Deployments;

/// <summary>Ampora as it is deployed: real processes behind one address, seen only through the public surface.</summary>
public abstract class Deployment : IAsyncLifetime
{
    protected const string AdminToken = "amp_acceptance-tests-administrator-token";

    private int _sources;

    public string BaseUrl { get; protected set; } = "";

    /// <summary>Logged in as an administrator.</summary>
    public HttpClient Api { get; } = NewClient();

    /// <summary>A Git host: no login.</summary>
    public HttpClient Sender { get; } = NewClient();

    public GitHttpServer Git { get; private set; } = null!;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    protected List<ServiceProcess> Processes { get; } = [];

    /// <summary>Settings of every process besides the usual ones.</summary>
    protected virtual IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>();

    /// <summary>Whether the deployment waits at its start until everything can be used.</summary>
    protected virtual bool IsReadyAtStart => true;

    /// <summary>The management ports that are open, for <see cref="MetricAsync"/>.</summary>
    protected List<string> ManagementUrls { get; } = [];

    /// <summary>
    /// How long a commit that a poll found may be without its webhook: shorter than in production, so that a test need not wait for it, and
    /// longer than it takes a webhook here to arrive.
    /// </summary>
    protected static string MissGraceSeconds => "2";

    public async ValueTask InitializeAsync()
    {
        Git = await GitHttpServer.StartAsync();
        await StartAsync();
        Api.BaseAddress = Sender.BaseAddress = new Uri(BaseUrl);
        Api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminToken);
        if (IsReadyAtStart)
            await WaitUntilReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Api.Dispose();
        Sender.Dispose();
        foreach (var process in Processes)
            await process.DisposeAsync();
        await StopServersAsync();
        if (Git is not null)
            await Git.DisposeAsync();
    }

    /// <summary>What the processes have said, for a failure's message.</summary>
    public string Logs() => string.Join("\n", Processes.Select(p => $"--- {p.Service}\n{p.Output}"));

    /// <summary>All that is stored, as bytes that can be searched: rows as text, or the files of the databases.</summary>
    public abstract Task<IReadOnlyList<(string Where, byte[] Content)>> StoredAsync();

    /// <summary>What the management ports show.</summary>
    public async Task<string> MetricsAsync() =>
        string.Concat(await Task.WhenAll(ManagementUrls.Select(address => Sender.GetStringAsync($"{address}/metrics", Token))));

    /// <summary>Makes a repository with one commit, and a source that has synced it.</summary>
    public async Task<WatchedSource> WatchAsync(int pollIntervalSeconds = 86_400, string? id = null, GitRepository? repository = null)
    {
        var source = await AddAsync(pollIntervalSeconds, id, repository);
        await source.WaitForTipAsync();
        return source;
    }

    /// <summary>Like <see cref="WatchAsync"/>, without waiting for the first run.</summary>
    public async Task<WatchedSource> AddAsync(int pollIntervalSeconds = 86_400, string? id = null, GitRepository? repository = null)
    {
        id ??= $"source-{Interlocked.Increment(ref _sources)}";
        repository ??= Git.CreateRepository(id);
        if (await repository.TipAsync() is null)
            await repository.CommitAsync(("README.md", $"# {id}\n"));
        await PostAsync("/api/git/sources", new { id, url = repository.Url, @ref = "main", pollIntervalSeconds });
        var token = (await PostAsync($"/api/git/sources/{id}/webhook/token", new { }))["token"]!.GetValue<string>();
        return new WatchedSource(this, id, repository, token);
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        using var response = await Api.GetAsync(path, Token);
        return await ReadAsync(response, $"GET {path}");
    }

    public async Task<JsonNode> PostAsync(string path, object body)
    {
        using var response = await Api.PostAsJsonAsync(path, body, Token);
        return await ReadAsync(response, $"POST {path}");
    }

    public async Task<JsonNode> PutAsync(string path, object body)
    {
        using var response = await Api.PutAsJsonAsync(path, body, Token);
        return await ReadAsync(response, $"PUT {path}");
    }

    public async Task<JsonNode> PatchAsync(string path, object body)
    {
        using var response = await Api.PatchAsJsonAsync(path, body, Token);
        return await ReadAsync(response, $"PATCH {path}");
    }

    public async Task DeleteAsync(string path)
    {
        using var response = await Api.DeleteAsync(path, Token);
        await ReadAsync(response, $"DELETE {path}");
    }

    /// <summary>Sends what a Git host sends, and expects 202.</summary>
    public async Task<JsonNode> DeliverAsync(HttpRequestMessage request, HttpClient? through = null)
    {
        using (request)
        {
            using var response = await (through ?? Sender).SendAsync(request, Token);
            var text = await response.Content.ReadAsStringAsync(Token);
            Assert.True(response.StatusCode == HttpStatusCode.Accepted, $"{request.RequestUri} answered {(int)response.StatusCode}: {text}\n{Logs()}");
            return JsonNode.Parse(text)!;
        }
    }

    /// <summary>The sum of a metric over all processes and labels.</summary>
    public async Task<double> MetricAsync(string name)
    {
        var sum = 0.0;
        foreach (var address in ManagementUrls)
        {
            var text = await Sender.GetStringAsync($"{address}/metrics", Token);
            sum += text.Split('\n')
                .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] is ' ' or '{')
                .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
        }

        return sum;
    }

    /// <summary>Asks again until the answer is what it should be; the deadline is only there so that a failure ends.</summary>
    public async Task<T> EventuallyAsync<T>(Func<Task<T?>> look, string what, int seconds = 30)
        where T : class
    {
        var deadline = DateTimeOffset.FromUnixTimeMilliseconds(Environment.TickCount64).AddSeconds(seconds);
        while (true)
        {
            if (await look() is { } seen)
                return seen;
            if (DateTimeOffset.FromUnixTimeMilliseconds(Environment.TickCount64) > deadline)
                Assert.Fail($"{what}: not within {seconds} s\n{Logs()}");
            await Task.Delay(20, Token);
        }
    }

    /// <summary>Where each process that runs listens.</summary>
    protected virtual IEnumerable<string> Listening => [BaseUrl];

    protected abstract Task StartAsync();

    protected virtual Task StopServersAsync() => Task.CompletedTask;

    /// <summary>Waits until every process says that it is ready, and the API answers. The gateway's word is only for itself.</summary>
    public async Task WaitUntilReadyAsync(int seconds = 240) => await EventuallyAsync(
        async () =>
        {
            if (Processes.FirstOrDefault(p => p.HasStarted && p.HasExited) is { } dead)
                Assert.Fail($"{dead.Service} ended with {dead.ExitCode}\n{dead.Output}");
            try
            {
                foreach (var address in Listening)
                {
                    using var ready = await Sender.GetAsync($"{address}/healthz/ready", Token);
                    if (!ready.IsSuccessStatusCode)
                        return null;
                }

                using var answers = await Api.GetAsync("/api/git/sources", Token);
                return answers.IsSuccessStatusCode ? "ready" : null;
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or TaskCanceledException && !Token.IsCancellationRequested)
            {
                return null;
            }
        },
        "the deployment is ready",
        seconds);

    private static HttpClient NewClient() => new(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 64 }) { Timeout = TimeSpan.FromSeconds(30) };

    private async Task<JsonNode> ReadAsync(HttpResponseMessage response, string request)
    {
        var text = await response.Content.ReadAsStringAsync(Token);
        if (!response.IsSuccessStatusCode)
            Assert.Fail($"{request} answered {(int)response.StatusCode}: {text}\n{Logs()}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }
}
