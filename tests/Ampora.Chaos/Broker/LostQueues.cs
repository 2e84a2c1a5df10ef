using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Chaos.Broker;

/// <summary>Row 5: a queue is deleted under load; or nobody ever made it.</summary>
public sealed class LostQueues(BrokerDeployment deployment) : IClassFixture<BrokerDeployment>
{
    [Theory(Explicit = true)]
    [InlineData("tip-checks")]
    [InlineData("audit")]
    [InlineData("audit-queries")]
    [InlineData("outbox-acknowledgements")]
    public async Task Fault05_a_deleted_queue_is_made_again_and_loses_nothing(string queue) =>
        await Scenario.RunAsync(deployment, async context =>
        {
            for (var time = 1; time <= 3; time++)
            {
                context.Journal.Faulted("delete", "broker", queue);
                await using (var queues = await BrokerQueues.OpenAsync(deployment.BrokerAddress, Deployment.Token))
                    await queues.DeleteAsync(queue, Deployment.Token);
                TestContext.Current.TestOutputHelper?.WriteLine($"{queue} deleted: back after {(await deployment.UntilConsumersAreBackAsync()).TotalSeconds:0.0} s");
            }
        });
}

/// <summary>The same of queues that were never made, because whoever consumes from them has not started yet.</summary>
public sealed class NeverMadeQueues
{
    [Fact(Explicit = true)]
    public async Task Fault05_webhooks_before_any_sweeper_or_audit_ever_ran_are_checked_and_recorded_when_they_do()
    {
        await using var deployment = await ChaosDeployment.StartedAsync(new ProducersAlone());
        await using (var queues = await BrokerQueues.OpenAsync(deployment.BrokerAddress, Deployment.Token))
        {
            // What is published now goes nowhere, and RabbitMQ confirms it all the same.
            var source = await deployment.AddAsync();
            var deliveryId = await source.WakeAsync();
            Assert.Null(await queues.LookAsync("tip-checks", Deployment.Token));
            Assert.Null(await queues.LookAsync("audit", Deployment.Token));
            foreach (var late in deployment.AllProcesses.Where(p => p.Service is "sweeper" or "audit"))
                late.Start();
            var run = await source.WaitForRunAsync(r => r["auditId"] is not null, "checked and recorded without anybody asking again", BrokerDeployment.HealsWithin);
            Assert.Contains(run["triggeredBy"]!.AsArray(), t => t!["deliveryId"]?.GetValue<string>() == deliveryId);
        }

        await Scenario.RunAsync(deployment, _ => Task.CompletedTask);
    }

    private sealed class ProducersAlone : BrokerDeployment
    {
        protected override IReadOnlyList<string> StartOrder { get; } = ["ingress", "console", "scheduler", "gateway"];
    }
}
