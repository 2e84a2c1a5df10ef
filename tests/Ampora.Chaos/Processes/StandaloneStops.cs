using Ampora.Deployments;

namespace Ampora.Chaos.Processes;

/// <summary>Row 15: the in-memory bus forgets at the end of its process, and nothing is forgotten.</summary>
public sealed class StandaloneStops(StandaloneDeployment deployment) : IClassFixture<StandaloneDeployment>
{
    private const int Sources = 1000;

    [Fact(Explicit = true)]
    public async Task Fault15_a_thousand_wakeups_queued_at_SIGTERM_are_done_after_the_restart()
    {
        var remote = await SharedRemote.CreateAsync(deployment, Sources);
        var sha = await remote.AnnounceAsync(Sources);
        Assert.True(await remote.CountAsync(sha) < Sources, "everything was done before the stop: nothing was queued");
        var exitCode = await deployment.Process.StopAsync();
        Assert.True(exitCode == 0, $"exit code {exitCode}\n{deployment.Process.Output}");
        deployment.Process.Start();
        await deployment.WaitUntilReadyAsync(120);

        await remote.WaitForAsync(sha, Sources);

        // Each of them once.
        for (var i = 0; i < Sources; i++)
            Assert.Equal(2, (await deployment.GetAsync($"/api/git/sources/{remote.SourceOf(i)}/runs"))["items"]!.AsArray().Count);
    }
}
