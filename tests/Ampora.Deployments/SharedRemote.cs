using System.Text.Json.Nodes;
using Ampora.TestServers;

namespace Ampora.Deployments;

/// <summary>Many sources on one repository, announced by one organisation's webhook.</summary>
public sealed class SharedRemote
{
    // For the first sync of all of them, on a machine that does other things too.
    private const int Patience = 120;

    private readonly Deployment _deployment;
    private readonly string _organisation;
    private readonly string _secret;
    private int _pushes;

    private SharedRemote(Deployment deployment, string organisation, string secret, GitRepository repository)
    {
        _deployment = deployment;
        _organisation = organisation;
        _secret = secret;
        Repository = repository;
    }

    public GitRepository Repository { get; }

    /// <summary>Makes the sources, and waits until each has its first tip.</summary>
    public static async Task<SharedRemote> CreateAsync(Deployment deployment, int sources)
    {
        var organisation = $"one-{Guid.NewGuid():n}"[..12];
        var repository = deployment.Git.CreateRepository($"{organisation}/fleet");
        var sha = await repository.CommitAsync(("README.md", "# Fleet\n"));
        var hook = await deployment.PutAsync($"/api/git/webhook-secrets/{organisation}", new
        {
            provider = "github",
            prefix = $"{new Uri(deployment.Git.BaseUrl).Authority}/{organisation}/",
        });
        await Parallel.ForAsync(0, sources, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            await deployment.PostAsync("/api/git/sources", new { id = $"{organisation}-{i}", url = repository.Url, @ref = "main", pollIntervalSeconds = 86_400 }));
        var remote = new SharedRemote(deployment, organisation, hook["token"]!.GetValue<string>(), repository);
        await remote.WaitForAsync(sha, sources);
        return remote;
    }

    /// <summary>The id of one of the sources.</summary>
    public string SourceOf(int index) => $"{_organisation}-{index}";

    /// <summary>Pushes a commit, announces it by one delivery, and waits until every source has it.</summary>
    /// <returns>How many times the host was asked for refs, and how long it took until the last source had the commit.</returns>
    public async Task<(int Listings, TimeSpan Took)> PushAsync(int sources)
    {
        Repository.ForgetRequests();
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        await WaitForAsync(await AnnounceAsync(sources), sources);
        return (Repository.Count(GitRequestKind.LsRefs), System.Diagnostics.Stopwatch.GetElapsedTime(began));
    }

    /// <summary>Pushes a commit and announces it by one delivery, which all sources are woken by.</summary>
    /// <returns>The commit.</returns>
    public async Task<string> AnnounceAsync(int sources)
    {
        var sha = await Repository.CommitAsync(("pushed", $"{++_pushes}"));
        var answer = await _deployment.DeliverAsync(GitHubDelivery.Sign("/api/git/webhook", _secret, GitHubDelivery.PushOf(Repository.Url, sha)));
        Assert.Equal(sources, answer["matched"]!.AsArray().Count);
        return sha;
    }

    /// <summary>Waits until every source has a commit.</summary>
    public async Task WaitForAsync(string sha, int sources) => await _deployment.EventuallyAsync(
        async () =>
        {
            await Task.Delay(50, Deployment.Token);
            return await CountAsync(sha) == sources ? "synced" : null;
        },
        $"all {sources} sources have {sha}",
        Patience);

    /// <summary>How many of the sources are at a commit.</summary>
    public async Task<int> CountAsync(string sha)
    {
        var count = 0;
        for (string? cursor = null; ;)
        {
            var page = await _deployment.GetAsync($"/api/git/sources?limit=200&q={_organisation}{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}");
            count += page["items"]!.AsArray().Count(source => Tip(source!) == sha);
            cursor = page["next"]?.GetValue<string>();
            if (cursor is null)
                return count;
        }
    }

    private static string? Tip(JsonNode source) => source["state"]!["tip"]?["sha"]?.GetValue<string>();
}
