using Ampora.Deployments;
using Ampora.TestServers;
using Ampora.TestServers.Hostile;

namespace Ampora.Chaos.Hosts;

/// <summary>Row 12: Git servers that hang, trickle or attack. Each ends as a failed run that says what it was; nothing is left of it, and nobody else notices.</summary>
public sealed class HostileHosts(ChaosDeployment deployment) : IClassFixture<ChaosDeployment>
{
    // The deadline of a fetch is two minutes, and a machine may be busy.
    private const int Patience = 300;

    private int _sources;

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_never_answers() => EndsAsync("timeout", async () => await Host(HostileGitHost.HangingAsync()));

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_sends_a_byte_every_ten_seconds() => EndsAsync("timeout", () =>
    {
        var repository = deployment.Git.CreateRepository($"drips-{_sources}");
        repository.Drips = true;
        return Task.FromResult<(string, IAsyncDisposable?)>((repository.Url, null));
    });

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_never_ends_a_fetch() => EndsAsync("timeout", async () =>
    {
        var repository = deployment.Git.CreateRepository($"fetch-{_sources}");
        await repository.CommitAsync(("file", "1"));
        repository.Hold(GitRequestKind.Fetch);
        return (repository.Url, null);
    });

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_lists_refs_without_end() => EndsAsync("limit_exceeded", async () => await Host(HostileGitHost.ListingAsync(refs: 5_000_000)));

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_sends_a_million_files() => EndsAsync("limit_exceeded", async () =>
    {
        var (sha, pack) = HostilePacks.MillionFiles();
        return await Host(HostileGitHost.ServingAsync(sha, pack));
    });

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_sends_a_delta_bomb() => EndsAsync("limit_exceeded", async () =>
    {
        var (sha, pack) = HostilePacks.DeltaBomb();
        return await Host(HostileGitHost.ServingAsync(sha, pack));
    });

    [Fact(Explicit = true)]
    public Task Fault12_a_git_server_that_refuses_connections() =>
        EndsAsync("unreachable", () => Task.FromResult<(string, IAsyncDisposable?)>(($"http://127.0.0.1:{FreePort.Next()}/x.git", null)));

    private static async Task<(string Url, IAsyncDisposable? Host)> Host(Task<HostileGitHost> starting)
    {
        var host = await starting;
        return (host.Url, host);
    }

    private async Task EndsAsync(string code, Func<Task<(string Url, IAsyncDisposable? Host)>> start)
    {
        await Scenario.RunAsync(deployment, async context =>
        {
            var (url, host) = await start();
            await using (host)
            {
                var id = $"hostile-{Guid.NewGuid():n}"[..20];
                _sources++;
                context.Journal.Faulted("attack", "git host", code);
                await deployment.PostAsync("/api/git/sources", new { id, url, @ref = "main", pollIntervalSeconds = 86_400 });
                var run = await deployment.EventuallyAsync(
                    async () => (await deployment.GetAsync($"/api/git/sources/{id}/runs?limit=10"))["items"]!.AsArray().FirstOrDefault(), $"the run of {id}", Patience);
                Assert.Equal("failed", run["outcome"]!.GetValue<string>());
                Assert.Equal(code, run["error"]!["code"]!.GetValue<string>());
                Assert.NotEmpty(run["error"]!["remedy"]!.GetValue<string>());
                await deployment.DeleteAsync($"/api/git/sources/{id}");
            }
        });

        await using var left = new ProcessTree(deployment.ProcessOf("sweeper").Id);
        await deployment.EventuallyAsync(
            () => Task.FromResult(left.Left(deployment.DataFolder).Count == 0 ? "none" : null), "no child of a sweeper is left", Patience);
    }
}
