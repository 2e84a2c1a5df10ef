using System.Text.Json.Nodes;
using Ampora.TestServers;

namespace Ampora.Chaos.Broker;

/// <summary>A deployment whose broker is attacked: every service says how it is on a management port of its own.</summary>
public class BrokerDeployment : ChaosDeployment
{
    /// <summary>Seconds: on a machine that does much else, everything takes its time.</summary>
    public const int HealsWithin = 120;

    /// <summary>Each queue, and the services that consume from it.</summary>
    public static IReadOnlyList<(string Name, string Service)> Queues { get; } =
        [("tip-checks", "sweeper"), ("audit", "audit"), ("audit-queries", "audit"), ("outbox-acknowledgements", "scheduler")];

    private readonly Dictionary<string, int> _managementPorts = [];

    /// <summary>The virtual host's <c>amqp://</c> address.</summary>
    public string BrokerAddress => new UriBuilder(Broker.Address) { Path = VirtualHost }.Uri.ToString();

    /// <summary>Lines of the broker's configuration.</summary>
    protected virtual IReadOnlyDictionary<string, string> BrokerSettings { get; } = new Dictionary<string, string>();

    /// <summary>What a replica's <c>/healthz</c> says.</summary>
    /// <param name="service">The service.</param>
    /// <param name="replica">Which of its replicas.</param>
    public async Task<JsonNode> HealthAsync(string service, int replica = 0)
    {
        using var response = await Sender.GetAsync($"http://127.0.0.1:{_managementPorts[$"{service}-{replica}"]}/healthz", Token);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Token))!;
    }

    /// <summary>Waits until a health check of a replica says what it should.</summary>
    /// <returns>What the check says in words.</returns>
    public async Task<string?> UntilHealthAsync(string service, string check, string status)
    {
        var found = await EventuallyAsync(
            async () => (await HealthAsync(service))["checks"]![check] is { } entry && entry["status"]!.GetValue<string>() == status ? entry : null,
            $"{check} of {service} is {status}",
            HealsWithin);
        return found["detail"]?.GetValue<string>();
    }

    /// <summary>Waits until every queue has a consumer of every replica.</summary>
    /// <param name="seconds">How long that may take.</param>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> UntilConsumersAreBackAsync(int seconds = HealsWithin)
    {
        var began = TimeProvider.System.GetTimestamp();
        BrokerQueues? queues = null;
        try
        {
            await EventuallyAsync(
                async () =>
                {
                    try
                    {
                        queues ??= await BrokerQueues.OpenAsync(BrokerAddress, Token);
                        foreach (var (name, service) in Queues)
                        {
                            if (await queues.LookAsync(name, Token) is not { } state || state.Consumers != ReplicasOf(service))
                                return null;
                        }

                        return "back";
                    }
                    catch (Exception e) when (e is not OperationCanceledException || !Token.IsCancellationRequested)
                    {
                        // Not there yet, or away again.
                        queues = null;
                        return null;
                    }
                },
                "every replica consumes from its queues",
                seconds);
        }
        finally
        {
            if (queues is not null)
                await queues.DisposeAsync();
        }

        return TimeProvider.System.GetElapsedTime(began);
    }

    protected override Task<RabbitMqServer> StartBrokerAsync() => RabbitMqServer.StartPrivateAsync(BrokerSettings, cancellationToken: Token);

    protected override IReadOnlyDictionary<string, string?> SettingsOf(string service, int replica)
    {
        // The scheduler has one already, whose metrics tests read.
        if (service is "scheduler" or "gateway")
            return new Dictionary<string, string?>();
        var port = _managementPorts[$"{service}-{replica}"] = FreePort.Next();
        return new Dictionary<string, string?> { ["Ampora__Management__Port"] = $"{port}" };
    }
}
