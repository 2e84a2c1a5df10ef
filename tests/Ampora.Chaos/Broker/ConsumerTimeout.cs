using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Chaos.Broker;

/// <summary>A broker that takes a message back, and its channel away, from whoever has not acknowledged it within seconds.</summary>
public sealed class ConsumerTimeout
{
    private static readonly TimeSpan Hung = TimeSpan.FromSeconds(25);

    [Fact(Explicit = true)]
    public async Task Trap_a_check_that_takes_longer_than_the_broker_waits_for_its_acknowledgement_costs_no_consumer()
    {
        await using var deployment = await ChaosDeployment.StartedAsync(new Impatient());
        await Scenario.RunAsync(deployment, async context =>
        {
            var hung = context.Load.Sources[0];
            var sha = await context.Load.PushSilentlyAsync(hung);
            using (var gate = hung.Watched.Repository.Hold(GitRequestKind.Fetch))
            {
                await context.Load.SendUntilAcknowledgedAsync(hung, sha);
                await gate.Reached.WaitAsync(TimeSpan.FromSeconds(BrokerDeployment.HealsWithin), Deployment.Token);
                await Task.Delay(Hung, Deployment.Token);
                gate.Open();
            }

            await hung.WaitUntilPassedAsync(sha, BrokerDeployment.HealsWithin);
        });
        Assert.DoesNotContain("consumer ack timed out", deployment.Broker.ReadLog(), StringComparison.OrdinalIgnoreCase);
    }

    private sealed class Impatient : BrokerDeployment
    {
        protected override IReadOnlyDictionary<string, string> BrokerSettings { get; } =
            new Dictionary<string, string> { ["consumer_timeout"] = "8000", ["rabbit.channel_tick_interval"] = "1000" };
    }
}
