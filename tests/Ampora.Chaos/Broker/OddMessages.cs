using System.Collections.Concurrent;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.Chaos.Broker;

/// <summary>What a broker may bring besides what was sent once and in order: messages twice, in reverse, and such as no service ever sent.</summary>
public sealed class OddMessages(BrokerDeployment deployment) : IClassFixture<BrokerDeployment>
{
    private const string Secret = "amp_poison_that_must_be_kept_nowhere";

    // What each queue takes, as MassTransit names its exchange.
    private static readonly (string Exchange, string Queue)[] Taken =
    [
        ("Ampora.Contracts:TipCheckRequested", "tip-checks"),
        ("Ampora.Contracts:SyncRunCompleted", "audit"),
        ("Ampora.Contracts:AuditRecorded", "audit"),
        ("Ampora.Contracts:AuditEntryCommitted", "outbox-acknowledgements"),
    ];

    [Fact(Explicit = true)]
    public async Task Trap_messages_that_come_twice_and_in_reverse_change_nothing() =>
        await Scenario.RunAsync(deployment, async context =>
        {
            await using var queues = await BrokerQueues.OpenAsync(deployment.BrokerAddress, Deployment.Token);
            var heard = new ConcurrentStack<(string Queue, HeardMessage Message)>();
            foreach (var (exchange, queue) in Taken)
                await queues.ListenAsync(exchange, message => heard.Push((queue, message)), Deployment.Token);
            await Task.Delay(TimeSpan.FromSeconds(8), Deployment.Token);
            for (var time = 0; time < 2; time++)
            {
                // A stack: the last one first.
                var again = heard.ToArray();
                Assert.Equal(Taken.Select(t => t.Queue).Distinct().Order(), again.Select(a => a.Queue).Distinct().Order());
                context.Journal.Faulted("repeat", "broker", $"{again.Length} messages in reverse");
                foreach (var (queue, message) in again)
                    await queues.PutAsync(queue, message, Deployment.Token);
            }
        });

    [Fact(Explicit = true)]
    public async Task Trap_garbage_in_every_queue_stops_no_consumer_loops_nowhere_and_is_kept_nowhere() =>
        await Scenario.RunAsync(deployment, async context =>
        {
            const string masstransit = "application/vnd.masstransit+json";
            var garbage = new (string Text, string? ContentType)[]
            {
                ("", null),
                ($"not JSON {Secret}", null),
                ($"{{\"token\":\"{Secret}", masstransit),
                (Envelope("Ampora.Contracts:NeverHeardOf", $"{{\"token\":\"{Secret}\"}}"), masstransit),
                (Envelope("Ampora.Contracts:TipCheckRequested", "{}"), masstransit),
                (Envelope("Ampora.Contracts:TipCheckRequested", "{\"sourceId\":null}"), masstransit),
                (Envelope("Ampora.Contracts:TipCheckRequested", $"{{\"sourceId\":\"{Secret}\\u0000'; DROP TABLE sources; --\"}}"), masstransit),
                (Envelope("Ampora.Contracts:TipCheckRequested", $"{{\"sourceId\":\"{new string('x', 1 << 20)}\"}}"), masstransit),
                (Envelope("Ampora.Contracts:AuditRecorded", "{}"), masstransit),
                (Envelope("Ampora.Contracts:AuditRecorded", "null"), masstransit),
                (Envelope("Ampora.Contracts:SyncRunCompleted", $"{{\"runId\":\"{Secret}\",\"startedAt\":\"never\"}}"), masstransit),
                (Envelope("Ampora.Contracts:AuditEntryCommitted", "{\"recordedMessageId\":\"" + Guid.NewGuid() + "\",\"auditId\":1}"), masstransit),
                (Envelope("Ampora.Contracts:QueryAudit", "{\"limit\":-1}"), masstransit),
            };
            context.Journal.Faulted("poison", "broker");
            await using var queues = await BrokerQueues.OpenAsync(deployment.BrokerAddress, Deployment.Token);
            foreach (var (queue, _) in BrokerDeployment.Queues)
            {
                foreach (var (text, contentType) in garbage)
                    await queues.PutAsync(queue, text, contentType, Deployment.Token);
            }

            // Taken and gone: neither waiting nor delivered again and again.
            await deployment.EventuallyAsync(
                async () => (await deployment.Broker.QueuesAsync(deployment.BrokerAddress, Deployment.Token)).Where(IsOurs).All(q => q.Messages < garbage.Length) ? "gone" : null,
                "the garbage is gone",
                BrokerDeployment.HealsWithin);
            await deployment.UntilConsumersAreBackAsync();
            var made = (await deployment.Broker.QueuesAsync(deployment.BrokerAddress, Deployment.Token)).Select(q => q.Name);
            Assert.DoesNotContain(made, name => name.EndsWith("_error", StringComparison.Ordinal) || name.EndsWith("_skipped", StringComparison.Ordinal));
            Assert.DoesNotContain(Secret, deployment.Logs(), StringComparison.Ordinal);
            foreach (var (where, content) in await deployment.StoredAsync())
                Assert.False(content.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(Secret)) >= 0, $"{where} keeps the garbage");
        });

    private static bool IsOurs(QueueState queue) => BrokerDeployment.Queues.Any(q => q.Name == queue.Name);

    private static string Envelope(string type, string message) =>
        $"{{\"messageId\":\"{Guid.NewGuid()}\",\"messageType\":[\"urn:message:{type}\"],\"message\":{message},\"headers\":{{}}}}";
}
