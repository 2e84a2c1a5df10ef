using System.Net;
using Ampora.Deployments;
using Ampora.EndToEnd.Tests.Secrets;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

[Collection(SharedDistributed.Name)]
public sealed class DistributedMainJob(DistributedDeployment deployment) : MainJobSpecs(deployment)
{
    [Fact]
    public Task Two_sweepers_run_each_of_200_pushed_sources_once() => ManySources.EachRunsOnceAsync(Deployment);
}

public sealed class FourSweepers(FourSweepersDeployment deployment) : IClassFixture<FourSweepersDeployment>
{
    [Fact]
    public Task Four_sweepers_run_each_of_200_pushed_sources_once() => ManySources.EachRunsOnceAsync(deployment);
}

[Collection(SharedDistributed.Name)]
public sealed class DistributedWebhookSecrets(DistributedDeployment deployment) : WebhookSecretSpecs(deployment)
{
    [Fact]
    public async Task A_rotated_token_is_refused_by_every_replica_as_soon_as_the_call_returned()
    {
        var source = await Deployment.WatchAsync();
        for (var round = 0; round < 5; round++)
        {
            var old = source.WebhookToken;
            source.WebhookToken = (await Deployment.PostAsync($"/api/git/sources/{source.Id}/webhook/token", new { }))["token"]!.GetValue<string>();
            for (var replica = 0; replica < 2; replica++)
            {
                using var direct = new HttpClient { BaseAddress = new Uri(deployment.AddressOf("ingress", replica)) };
                using var refused = await source.SendWebhookAsync(with: old, through: direct);
                Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
                using var accepted = await source.SendWebhookAsync(through: direct);
                Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
            }
        }
    }
}

[Collection(SharedDistributed.Name)]
public sealed class DistributedSnapshots(DistributedDeployment deployment) : SnapshotSpecs(deployment);

[Collection(SharedDistributed.Name)]
public sealed class DistributedWebhookMethods(DistributedDeployment deployment) : WebhookMethodSpecs(deployment)
{
    [Fact]
    public async Task A_signing_secret_rotated_without_overlap_is_refused_by_every_replica_as_soon_as_the_call_returned()
    {
        var source = await Deployment.WatchAsync();
        await source.UseAsync("github");
        var body = GitHubDelivery.PushOf(source.Repository.Url, (await source.Repository.TipAsync())!);
        for (var round = 0; round < 3; round++)
        {
            var old = source.WebhookToken;
            await source.RotateAsync(overlapSeconds: round == 0 ? 3600 : 0);
            for (var replica = 0; replica < 2; replica++)
            {
                using var direct = new HttpClient { BaseAddress = new Uri(deployment.AddressOf("ingress", replica)) };
                if (round == 0)
                    await Deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, old, body), direct);
                else
                    await RefusedAsync(GitHubDelivery.Sign(source.WebhookPath, old, body), direct);
                await Deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, body), direct);
            }
        }
    }
}

[Collection(SharedDistributed.Name)]
public sealed class DistributedSharedHook(DistributedDeployment deployment) : SharedHookSpecs(deployment, sources: 300);

[Collection(SharedDistributed.Name)]
public sealed class DistributedSharedRemote(DistributedDeployment deployment) : SharedRemoteSpecs(deployment);

[Collection(SharedDistributed.Name)]
public sealed class DistributedSourceKinds(DistributedDeployment deployment) : SourceKindSpecs(deployment);

[Collection(SharedProxied.Name)]
public sealed class DistributedSecrets(ProxiedDistributedDeployment deployment) : SecretSpecs(deployment, deployment.Proxy);

[Collection(SharedDistributed.Name)]
public sealed class DistributedLaggingHost(DistributedDeployment deployment) : LaggingHostSpecs(deployment);

[Collection(SharedDistributed.Name)]
public sealed class DistributedMissedWebhooks(DistributedDeployment deployment) : MissedWebhookSpecs(deployment)
{
    [Fact]
    public async Task Adaptive_polling_stretches_while_webhooks_prove_themselves_and_snaps_back_at_a_miss()
    {
        const int Base = 2;
        var source = await Deployment.WatchAsync(pollIntervalSeconds: Base);
        await Deployment.PatchAsync($"/api/git/sources/{source.Id}", new { polling = "adaptive" });
        // Its deliveries name their commit: one that names none has the tip read once more later, which could find what is meant to be missed.
        await source.UseAsync("github");
        // A poll may be faster than a webhook here, and then proves nothing.
        for (var i = 0; (await source.ShowAsync())["state"]!["pollIntervalSeconds"]!.GetValue<int>() == Base; i++)
        {
            var announced = await source.Repository.CommitAsync(("announced", $"{i}"));
            await Deployment.DeliverAsync(GitHubDelivery.Sign(source.WebhookPath, source.WebhookToken, GitHubDelivery.PushOf(source.Repository.Url, announced)));
            await source.WaitForRunAsync(announced);
        }

        Assert.Equal("healthy", (await source.ShowAsync())["state"]!["webhookHealth"]!.GetValue<string>());
        var missed = await source.Repository.CommitAsync(("missed", "1"));
        await source.WaitForRunAsync(missed);

        await WaitForStateAsync(source, state => state["pollIntervalSeconds"]!.GetValue<int>() == Base, "the interval is the source's own again");
        var shown = (await source.ShowAsync())["state"]!;
        Assert.Equal((1, "degraded"), (shown["missedWebhooks"]!.GetValue<int>(), shown["webhookHealth"]!.GetValue<string>()));
    }
}

[Collection(SharedDistributed.Name)]
public sealed class DistributedRealSenders(DistributedDeployment deployment) : RealSenderSpecs(deployment);

internal static class ManySources
{
    private const int Sources = 200;

    // For all of them together, on a machine that does other things too.
    private const int Patience = 120;

    public static async Task EachRunsOnceAsync(Deployment deployment)
    {
        var watched = new WatchedSource[Sources];
        var prefix = Guid.NewGuid().ToString("n")[..8];
        await Parallel.ForAsync(0, Sources, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            watched[i] = await deployment.AddAsync(id: $"many-{prefix}-{i}"));
        foreach (var source in watched)
            await source.WaitForTipAsync(Patience);

        var pushed = new string[Sources];
        await Parallel.ForAsync(0, Sources, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
            pushed[i] = await watched[i].Repository.CommitAsync(("pushed", $"{i}")));
        await Parallel.ForAsync(0, Sources, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) => await watched[i].WakeAsync());
        for (var i = 0; i < Sources; i++)
        {
            await watched[i].WaitForRunAsync(pushed[i], Patience);
            Assert.Equal(2, (await watched[i].RunsAsync()).Count);
            Assert.Equal(2, watched[i].Repository.Count(GitRequestKind.Fetch));
        }
    }
}
