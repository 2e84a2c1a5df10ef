using System.Net;
using Ampora.Deployments;

namespace Ampora.Chaos.Broker;

/// <summary>Row 4: the broker has an alarm and takes nothing from those that publish.</summary>
public sealed class BrokerAlarms(BrokerDeployment deployment) : IClassFixture<BrokerDeployment>
{
    [Theory(Explicit = true)]
    [InlineData("memory")]
    [InlineData("disk")]
    public async Task Fault04_an_alarm_of_the_broker_shows_in_the_health_delays_no_answer_and_loses_nothing(string alarm) =>
        await Scenario.RunAsync(deployment, async context =>
        {
            context.Journal.Faulted("alarm", "broker", alarm);
            await (alarm == "memory" ? deployment.Broker.RaiseMemoryAlarmAsync(Deployment.Token) : deployment.Broker.RaiseDiskAlarmAsync(Deployment.Token));
            // Under load each of them notices by itself: ingress at a webhook, console at a change, audit at an acknowledgement.
            Assert.Contains("alarm", await deployment.UntilHealthAsync("ingress", "publish", "degraded"), StringComparison.Ordinal);
            Assert.Contains("alarm", await deployment.UntilHealthAsync("console", "publish", "degraded"), StringComparison.Ordinal);

            // Webhooks and the page need the database alone: neither is taken out of the gateway.
            foreach (var service in (string[])["ingress", "console"])
            {
                using var ready = await deployment.Sender.GetAsync($"{deployment.AddressOf(service)}/healthz/ready", Deployment.Token);
                Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
            }

            var source = context.Load.Sources[1];
            var sha = await context.Load.PushSilentlyAsync(source);
            var began = TimeProvider.System.GetTimestamp();
            Assert.Equal((int)HttpStatusCode.Accepted, await context.Load.SendAsync(source, sha, Guid.NewGuid().ToString()));
            Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(4));
            await Task.Delay(TimeSpan.FromSeconds(10), Deployment.Token);

            await (alarm == "memory" ? deployment.Broker.ClearMemoryAlarmAsync(Deployment.Token) : deployment.Broker.ClearDiskAlarmAsync(Deployment.Token));
            await source.WaitUntilPassedAsync(sha, BrokerDeployment.HealsWithin);
            await deployment.UntilHealthAsync("ingress", "publish", "healthy");
            await deployment.UntilHealthAsync("console", "publish", "healthy");
        });
}
