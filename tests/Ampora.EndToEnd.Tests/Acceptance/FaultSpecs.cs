using System.Net;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>What dies or goes away costs time, and nothing else.</summary>
public sealed class FaultSpecs(OwnBrokerDeployment deployment) : IClassFixture<OwnBrokerDeployment>
{
    [Fact]
    public async Task A_webhook_is_accepted_while_the_broker_is_stopped_and_runs_once_it_is_back()
    {
        var source = await deployment.WatchAsync();
        await deployment.Broker.StopAppAsync(Deployment.Token);
        var sha = await source.Repository.CommitAsync(("unbrokered", "1"));
        using (var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5)))
            await source.WakeAsync().WaitAsync(deadline.Token);
        await deployment.Broker.StartAppAsync(Deployment.Token);
        var run = await source.WaitForRunAsync(sha);
        Assert.Equal("webhook", run["trigger"]!.GetValue<string>());
        await source.WaitForRunAsync(r => r["sha"]?.GetValue<string>() == sha && r["auditId"] is not null, "recorded after the broker is back");
    }

    [Fact]
    public async Task A_sweeper_killed_in_mid_fetch_leaves_one_run_that_another_makes()
    {
        var source = await deployment.WatchAsync();
        source.Repository.ForgetRequests();
        var sha = await source.Repository.CommitAsync(("killed", "1"));
        using (var gate = source.Repository.Hold(GitRequestKind.Fetch))
        {
            await source.WakeAsync();
            await gate.Reached.WaitAsync(TimeSpan.FromSeconds(30), Deployment.Token);
            var holder = await deployment.HolderOfAsync(source.Id);
            await holder.KillAsync();
            gate.Open();
            await source.WaitForRunAsync(sha);
            holder.Start();
        }

        Assert.Equal(2, (await source.RunsAsync()).Count);
    }

    [Fact]
    public async Task A_dead_ingress_replica_costs_no_webhook_once_the_gateway_has_seen_it()
    {
        var source = await deployment.WatchAsync();
        var ingress = deployment.ProcessOf("ingress", 0);
        await ingress.KillAsync();
        try
        {
            await deployment.EventuallyAsync(
                async () =>
                {
                    for (var i = 0; i < 20; i++)
                    {
                        using var response = await source.SendWebhookAsync();
                        if (response.StatusCode != HttpStatusCode.Accepted)
                            return null;
                    }

                    return "all accepted";
                },
                "the gateway uses the living replica");
        }
        finally
        {
            ingress.Start();
        }
    }

    [Fact]
    public async Task A_service_that_is_told_to_stop_ends_with_exit_code_0()
    {
        // A replica that no other test here starts anew: a process that has not yet set up its signals dies of one, and that is no stop.
        var scheduler = deployment.ProcessOf("scheduler", 1);
        var exitCode = await scheduler.StopAsync();
        Assert.True(exitCode == 0, $"exit code {exitCode}\n{scheduler.Output}");
        scheduler.Start();
    }
}
