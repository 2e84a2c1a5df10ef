using System.Diagnostics;
using Ampora.Contracts;
using Ampora.TestServers;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Ampora.Hosting.Tests.Bus;

/// <summary>What holds on either bus.</summary>
public sealed class BusSpecs
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_arrives_with_the_id_it_was_given_and_a_request_is_answered(bool rabbit)
    {
        await using var bus = await StartAsync(rabbit);
        await bus.UntilOneArrivesAsync(Soon, Cancelled);
        var id = Guid.CreateVersion7();
        await bus.Publisher.PublishAsync(new TipCheckRequested { SourceId = "fleet" }, id, TimeSpan.FromSeconds(5), Cancelled);
        await UntilAsync(() => bus.Received.Sources.ContainsKey("fleet"));
        Assert.Equal(id, bus.Received.Sources["fleet"].MessageId);

        await using var scope = bus.App.Services.CreateAsyncScope();
        var client = scope.ServiceProvider.GetRequiredService<IRequestClient<VerifyAudit>>();
        Assert.Equal(7, (await client.GetResponse<AuditVerification>(new VerifyAudit(), Cancelled)).Message.Entries);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_message_that_nobody_consumes_yet_is_no_error(bool rabbit)
    {
        await using var bus = await StartAsync(rabbit);
        await bus.UntilOneArrivesAsync(Soon, Cancelled);
        await bus.Publisher.PublishAsync(new AuditEntryCommitted { RecordedMessageId = Guid.NewGuid(), AuditId = 1 }, Guid.NewGuid(), timeToLive: null, Cancelled);
    }

    [Fact]
    public async Task A_handler_that_throws_leaves_no_message_behind_and_the_next_one_is_handled()
    {
        var server = await RabbitMqServer.SharedAsync(Cancelled);
        var address = await server.CreateVirtualHostAsync(Cancelled);
        var queue = $"tip-checks-{Guid.NewGuid():n}";
        await using (var bus = await BusUnderTest.StartAsync(address, queue: queue))
        {
            await bus.UntilOneArrivesAsync(Soon, Cancelled);
            bus.Received.Failing = true;
            var attempts = bus.Received.Attempts;
            await bus.Publisher.PublishAsync(new TipCheckRequested { SourceId = "poison" }, Guid.NewGuid(), timeToLive: null, Cancelled);
            await UntilAsync(() => bus.Received.Attempts > attempts);
            bus.Received.Failing = false;
            await bus.UntilOneArrivesAsync(Soon, Cancelled);
            Assert.Equal(attempts + 1, bus.Received.Attempts - (bus.Received.Sources.Count - 1));
        }
        await using var connection = await new ConnectionFactory { Uri = new Uri(address) }.CreateConnectionAsync(Cancelled);
        foreach (var suffix in new[] { "_error", "_skipped" })
        {
            await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancelled);
            await Assert.ThrowsAsync<OperationInterruptedException>(() => channel.QueueDeclarePassiveAsync(queue + suffix, Cancelled));
        }
        await using var last = await connection.CreateChannelAsync(cancellationToken: Cancelled);
        Assert.Equal(0u, (await last.QueueDeclarePassiveAsync(queue, Cancelled)).MessageCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_trace_of_a_request_reaches_the_consumer(bool rabbit)
    {
        await using var bus = await StartAsync(rabbit, app => app.MapPost("/api/ask/{source}", (string source, Contracts.IMessagePublisher publisher, HttpContext context) =>
            publisher.PublishAsync(new TipCheckRequested { SourceId = source }, Guid.NewGuid(), timeToLive: null, context.RequestAborted)));
        await bus.UntilOneArrivesAsync(Soon, Cancelled);
        var trace = ActivityTraceId.CreateRandom().ToHexString();
        using var client = new HttpClient { BaseAddress = new Uri(bus.App.Urls.First()) };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/ask/traced");
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-00");
        (await client.SendAsync(request, Cancelled)).EnsureSuccessStatusCode();
        await UntilAsync(() => bus.Received.Sources.ContainsKey("traced"));
        Assert.Equal(trace, bus.Received.Sources["traced"].TraceId);
    }

    [Fact]
    public void A_service_of_many_needs_a_broker_and_Standalone_does_not()
    {
        var stopped = Assert.Throws<Ampora.Hosting.Settings.SettingsException>(() => ServiceHost.Build("sweeper", [], _ => { }, _ => { }, _ => { }, new Dictionary<string, string?> { ["ConnectionStrings:Broker"] = "http://broker" }));
        Assert.Contains("ConnectionStrings__Broker", stopped.Message, StringComparison.Ordinal);
        ServiceHost.Build(ServiceHost.Standalone, [], _ => { }, _ => { }, _ => { }, new Dictionary<string, string?> { ["Ampora:Management:Port"] = "0" });
    }

    [Theory]
    [InlineData("amqp://broker", "broker", 5672, "/", "guest", "guest", false)]
    [InlineData("amqps://a%40b:c%2Fd@broker.example/prod", "broker.example", 5671, "prod", "a@b", "c/d", true)]
    [InlineData("amqp://u:p@[::1]:5673/%2Fslash", "::1", 5673, "/slash", "u", "p", false)]
    public void An_address_is_read_as_RabbitMQ_reads_it(string address, string host, int port, string virtualHost, string user, string password, bool tls)
    {
        var read = Ampora.Hosting.Bus.BrokerAddress.Parse(address)!;
        Assert.Equal((host, port, virtualHost, user, password, tls), (read.Host, read.Port, read.VirtualHost, read.Username, read.Password, read.Tls));
        Assert.DoesNotContain(password + "@", read.ToString(), StringComparison.Ordinal);
    }

    private static async Task<BusUnderTest> StartAsync(bool rabbit, Action<WebApplication>? map = null) =>
        rabbit
            ? await BusUnderTest.StartAsync(await (await RabbitMqServer.SharedAsync(Cancelled)).CreateVirtualHostAsync(Cancelled), map: map)
            : await BusUnderTest.StartAsync(broker: null, ServiceHost.Standalone, map: map);

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        patience.CancelAfter(Soon);
        while (!condition())
            await Task.Delay(20, patience.Token);
    }
}
