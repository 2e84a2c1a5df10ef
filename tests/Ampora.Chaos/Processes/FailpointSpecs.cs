using Ampora.Deployments;

namespace Ampora.Chaos.Processes;

/// <summary>A failpoint kills its process at the step that it names, not sooner, and not without it.</summary>
public sealed class FailpointSpecs
{
    private const int Killed = 128 + 9;

    [Theory]
    [InlineData("commit:stopped:3", 3)]
    [InlineData("commit:started:3", 2)]
    public async Task A_process_dies_by_SIGKILL_when_the_third_of_such_spans_starts_or_stops(string failpoint, int committed)
    {
        await using var deployment = new FailingStandalone(failpoint);
        await deployment.InitializeAsync();
        // The first check of a source commits once.
        await deployment.WatchAsync(id: "first");
        await deployment.WatchAsync(id: "second");
        Assert.False(deployment.Process.HasExited);
        var repository = deployment.Git.CreateRepository("third");
        await repository.CommitAsync(("README.md", "# Third"));
        await deployment.PostAsync("/api/git/sources", new { id = "third", url = repository.Url, @ref = "main", pollIntervalSeconds = 86_400 });
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        deadline.CancelAfter(TimeSpan.FromMinutes(2));

        var exitCode = await deployment.Process.WaitForExitAsync(deadline.Token);

        Assert.Equal(Killed, exitCode);
        // Where it died shows in what is there without another check.
        repository.Hangs = true;
        Failpoint.Remove(deployment.Process);
        deployment.Process.Start();
        await deployment.WaitUntilReadyAsync();
        var runs = 0;
        foreach (var id in (string[])["first", "second", "third"])
            runs += (await deployment.GetAsync($"/api/git/sources/{id}/runs?outcome=succeeded"))["items"]!.AsArray().Count;
        Assert.Equal(committed, runs);
    }

    private sealed class FailingStandalone(string failpoint) : StandaloneDeployment
    {
        protected override IReadOnlyDictionary<string, string?> Settings => Failpoint.Variables(failpoint);
    }
}
