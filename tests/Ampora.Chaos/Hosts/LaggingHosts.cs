namespace Ampora.Chaos.Hosts;

/// <summary>Row 13: a Git host whose replicas show a push later than its webhook tells of it.</summary>
public sealed class LaggingHosts(ChaosDeployment deployment) : IClassFixture<ChaosDeployment>
{
    [Fact(Explicit = true)]
    public async Task Fault13_a_replica_lags_behind_webhooks_that_name_their_commit() => await LagAsync("github", listings: 3);

    [Fact(Explicit = true)]
    public async Task Fault13_a_replica_lags_behind_webhooks_that_name_nothing() => await LagAsync("token", listings: 1);

    // Nothing but webhooks can find these pushes: the sources are polled once a day.
    private async Task LagAsync(string kind, int listings) => await Scenario.RunAsync(
        deployment,
        async context =>
        {
            var lagging = context.Load.Sources.Where(s => s.Kind == kind && !s.IsPolled).ToList();
            Assert.NotEmpty(lagging);
            for (var round = 0; round < 3; round++)
            {
                foreach (var source in lagging)
                {
                    await source.Watched.WaitForTipAsync(seconds: 120);
                    context.Journal.Faulted("lag", "git host", $"{source.Id}, {listings} listings");
                    await source.Watched.Repository.LagAsync(listings);
                    var sha = await context.Load.PushAsync(source);
                    await source.Watched.WaitForRunAsync(sha, seconds: 120);
                }
            }
        },
        pushesPerSecond: 0,
        acts: false);
}
