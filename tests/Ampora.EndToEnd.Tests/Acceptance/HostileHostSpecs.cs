using Ampora.Deployments;
using Ampora.EndToEnd.Tests.Secrets;
using Ampora.TestServers.Hostile;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>Whatever a Git host sends ends as a failed run that says what it was, in bounded memory, while other sources are served.</summary>
[Collection(SharedProxied.Name)]
public sealed class HostileHostSpecs(ProxiedDistributedDeployment deployment)
{
    // Of the sweeper and all its children together.
    private const long MaxBytes = 500_000_000;

    [Fact]
    public async Task A_file_of_two_gibibytes_is_refused_by_its_size()
    {
        var (sha, pack) = HostilePacks.HugeBlob();
        await using var host = await HostileGitHost.ServingAsync(sha, pack);
        await EndsAsync(host, "limit_exceeded");
    }

    [Fact]
    public async Task A_tree_of_a_million_files_is_refused_by_their_number()
    {
        var (sha, pack) = HostilePacks.MillionFiles();
        await using var host = await HostileGitHost.ServingAsync(sha, pack);
        await EndsAsync(host, "limit_exceeded");
    }

    [Fact]
    public async Task A_delta_that_unfolds_without_measure_is_refused()
    {
        var (sha, pack) = HostilePacks.DeltaBomb();
        await using var host = await HostileGitHost.ServingAsync(sha, pack);
        await EndsAsync(host, "limit_exceeded");
    }

    [Fact]
    public async Task Five_million_refs_are_refused_by_their_number()
    {
        await using var host = await HostileGitHost.ListingAsync(refs: 5_000_000);
        await EndsAsync(host, "limit_exceeded");
    }

    [Fact]
    public async Task A_host_that_never_answers_is_given_up()
    {
        await using var host = await HostileGitHost.HangingAsync();
        await EndsAsync(host, "timeout");
    }

    private async Task EndsAsync(HostileGitHost host, string code)
    {
        var healthy = await deployment.WatchAsync();
        await using var sweeper = new ProcessTree(deployment.ProcessOf("sweeper").Id);
        var id = $"hostile-{Guid.NewGuid():n}"[..20];

        await deployment.PostAsync("/api/git/sources", new { id, url = host.Url, @ref = "main", pollIntervalSeconds = 86_400 });
        var failed = deployment.EventuallyAsync(
            async () => (await deployment.GetAsync($"/api/git/sources/{id}/runs?limit=10"))["items"]!.AsArray().FirstOrDefault(), $"the run of {id}", 150);
        var served = 0;
        while (served < 3 || !failed.IsCompleted)
        {
            var sha = await healthy.Repository.CommitAsync(("beside", $"{++served}"));
            await healthy.WakeAsync();
            await healthy.WaitForRunAsync(sha);
        }

        var run = (await failed)!;
        var peak = sweeper.TakePeak();
        TestContext.Current.TestOutputHelper!.WriteLine($"{run["error"]?.ToJsonString()}; peak of the sweeper and its children {peak / 1_000_000} MB; {served} pushes served meanwhile");
        Assert.Equal("failed", run["outcome"]!.GetValue<string>());
        Assert.Equal(code, run["error"]!["code"]!.GetValue<string>());
        Assert.NotEmpty(run["error"]!["remedy"]!.GetValue<string>());
        Assert.InRange(peak, 1, MaxBytes);
        await deployment.DeleteAsync($"/api/git/sources/{id}");
        await deployment.EventuallyAsync(
            () => Task.FromResult(sweeper.Left(deployment.DataFolder).Count == 0 ? "none" : null), "no child of the sweeper is left");
    }
}
