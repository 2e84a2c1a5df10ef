using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Sweeper.Tests;

public sealed class CompetingSpecs(PostgresServer postgres)
{
    private const int Sources = 200;

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Sweepers_on_one_queue_run_two_hundred_pushed_sources_once_each(int sweepers)
    {
        var rabbit = await RabbitMqServer.SharedAsync(TestContext.Current.CancellationToken);
        var broker = await rabbit.CreateVirtualHostAsync(TestContext.Current.CancellationToken);
        await using var ampora = await Deployment.StartAsync(postgres, sweepers, broker);
        // Ten repositories with twenty branches each: two hundred sources, and twenty commits for each fetch to choose from.
        var sources = Enumerable.Range(0, Sources).Select(i => (Id: $"source-{i}", Repository: i / 20, Branch: $"branch-{i % 20}")).ToArray();
        var repositories = Enumerable.Range(0, Sources / 20).Select(i => ampora.Git.CreateRepository($"repository-{i}")).ToArray();
        foreach (var (id, repository, branch) in sources)
            await repositories[repository].CommitAsync([new GitFile("file", "1"u8.ToArray())], branch);
        foreach (var (id, repository, branch) in sources)
            await ampora.CreateSourceAsync(id, repositories[repository].Url, branch);
        await ampora.QuietAsync();
        Assert.Equal(Sources, (await ampora.RunsAsync()).Count);

        var pushed = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (id, repository, branch) in sources)
            pushed[id] = await repositories[repository].CommitAsync([new GitFile("file", "2"u8.ToArray())], branch);
        await ampora.WebhookAsync([.. pushed.Keys]);
        await ampora.QuietAsync();

        var runs = (await ampora.RunsAsync()).Skip(Sources).ToArray();
        Assert.Equal(pushed.OrderBy(p => p.Key, StringComparer.Ordinal), runs.ToDictionary(r => r.SourceId, r => r.Sha!).OrderBy(p => p.Key, StringComparer.Ordinal));
        Assert.All(runs, run => Assert.Equal(("webhook", "succeeded", 1), (run.Trigger, run.Outcome, run.Modified)));
        await using var context = ampora.Database.Read();
        Assert.Equal(2 * Sources, await context.Sweeps.CountAsync(TestContext.Current.CancellationToken));
    }
}
