using System.Net;
using Ampora.Deployments;
using Ampora.TestServers;
using Npgsql;

namespace Ampora.Chaos.Broker;

/// <summary>Row 14: nobody records while a flood of webhooks is refused.</summary>
public sealed class AuditAway(BrokerDeployment deployment) : IClassFixture<BrokerDeployment>
{
    private const int Flood = 10_000;

    // Copies that the relay sends again must not pile up while nobody takes them.
    private const int CopiesOfAMessage = 4;

    [Fact(Explicit = true)]
    public async Task Fault14_a_flood_of_refused_webhooks_without_audit_is_counted_exactly_and_takes_no_memory() =>
        await Scenario.RunAsync(deployment, async context =>
        {
            var source = context.Load.Sources[0];
            var before = await RefusedAsync(source.Id);
            foreach (var audit in deployment.AllProcesses.Where(p => p.Service == "audit"))
            {
                context.Journal.Faulted("stop", "audit");
                await audit.StopAsync();
            }

            context.Journal.Forging(source.Id);
            // The first of them warm up what the others need too.
            await RefuseAsync(source, Flood / 10);
            var memory = deployment.AllProcesses.Where(p => p.Service == "ingress").Sum(p => ResidentBytes(p.Id));
            await RefuseAsync(source, Flood - Flood / 10);
            var grown = deployment.AllProcesses.Where(p => p.Service == "ingress").Sum(p => ResidentBytes(p.Id)) - memory;
            Assert.True(grown < 100L << 20, $"Both replicas of ingress grew by {grown >> 20} MiB.");

            // Long enough that the relay sends everything several times.
            await Task.Delay(TimeSpan.FromSeconds(70), Deployment.Token);
            var waiting = await OutboxAsync();
            await using (var queues = await BrokerQueues.OpenAsync(deployment.BrokerAddress, Deployment.Token))
            {
                var queued = (await queues.LookAsync("audit", Deployment.Token))!.Messages;
                TestContext.Current.TestOutputHelper?.WriteLine($"ingress grew by {grown >> 20} MiB; {waiting} in the outbox, {queued} in the queue");
                Assert.InRange(queued, 1, CopiesOfAMessage * waiting);
            }

            foreach (var audit in deployment.AllProcesses.Where(p => p.Service == "audit"))
                audit.Start();
            await deployment.EventuallyAsync(
                async () => await RefusedAsync(source.Id) == before + Flood ? "exact" : null, $"the log's sum of the refused is {Flood}", BrokerDeployment.HealsWithin);
            // And no more comes later.
            await Task.Delay(TimeSpan.FromSeconds(35), Deployment.Token);
            Assert.Equal(before + Flood, await RefusedAsync(source.Id));
        }, pushesPerSecond: 1, acts: false);

    private async Task RefuseAsync(LoadedSource source, int requests) =>
        await Parallel.ForAsync(0, requests, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, _) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, source.Watched.WebhookPath) { Content = new StringContent("{}") };
            request.Headers.TryAddWithoutValidation("X-Ampora-Webhook-Token", "wrong");
            using var response = await deployment.Sender.SendAsync(request, Deployment.Token);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        });

    private async Task<long> RefusedAsync(string source)
    {
        var page = await deployment.GetAsync($"/api/audit?action=webhook.refused&subject=source:{source}&limit=200");
        Assert.Null(page["next"]);
        return page["items"]!.AsArray().Sum(e => e!["count"]!.GetValue<long>());
    }

    private async Task<long> OutboxAsync()
    {
        await using var store = NpgsqlDataSource.Create(deployment.StoreAddress);
        await using var command = store.CreateCommand("SELECT count(*) FROM outbox");
        return (long)(await command.ExecuteScalarAsync(Deployment.Token))!;
    }

    private static long ResidentBytes(int pid) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture) * 1024;
}
