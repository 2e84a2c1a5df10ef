using Ampora.Contracts;
using Ampora.TestServers;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Tests.Bus;

/// <summary>One broker for all of them, since each leaves it as it was; they run one after the other.</summary>
public sealed class BrokerFaults(BrokerFaults.Broker fixture) : IClassFixture<BrokerFaults.Broker>
{
    // What is promised is 3 s; a loaded machine gets the double.
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(6);
    private readonly RabbitMqServer _broker = fixture.Server;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public sealed class Broker : IAsyncLifetime
    {
        public RabbitMqServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await RabbitMqServer.StartPrivateAsync(Cancelled);

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }

    [Fact]
    public async Task A_broker_that_was_away_for_long_is_used_again_at_once_by_services_that_started_without_it()
    {
        var address = await _broker.CreateVirtualHostAsync(Cancelled);
        await using var before = await BusUnderTest.StartAsync(address);
        await before.UntilOneArrivesAsync(Back, Cancelled);
        await _broker.StopAppAsync(Cancelled);
        await using var without = await BusUnderTest.StartAsync(address, queue: "tip-checks-too");

        // Enough failed attempts that a growing back-off would show.
        await Task.Delay(TimeSpan.FromSeconds(8), Cancelled);
        await AssertRefusedWithinDeadlineAsync(before);
        await AssertRefusedWithinDeadlineAsync(without);
        Assert.Equal(HealthStatus.Unhealthy, (await before.HealthAsync()).Entries["bus"].Status);

        await _broker.StartAppAsync(Cancelled);
        await before.UntilOneArrivesAsync(Back, Cancelled);
        await without.UntilOneArrivesAsync(Back, Cancelled);
        Assert.Equal(HealthStatus.Healthy, (await before.HealthAsync()).Status);
    }

    [Fact]
    public async Task A_killed_broker_is_used_again_when_it_is_started()
    {
        await using var bus = await BusUnderTest.StartAsync(await _broker.CreateVirtualHostAsync(Cancelled));
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        // The broker writes down which queues it has a moment after it made them; killed before, it never serves them again.
        await Task.Delay(TimeSpan.FromSeconds(5), Cancelled);
        await _broker.KillAsync();
        await AssertRefusedWithinDeadlineAsync(bus);
        await _broker.RelaunchAsync(Cancelled);
        await bus.UntilOneArrivesAsync(Back, Cancelled);
    }

    [Fact]
    public async Task A_paused_broker_holds_nobody_longer_than_the_deadline_and_is_used_again()
    {
        await using var bus = await BusUnderTest.StartAsync(await _broker.CreateVirtualHostAsync(Cancelled));
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        // Shorter and longer than it takes the heartbeat to close the connection and new attempts to time out.
        foreach (var pause in new[] { 1, 15 })
        {
            _broker.Pause();
            try
            {
                await AssertRefusedWithinDeadlineAsync(bus);
                await Task.Delay(TimeSpan.FromSeconds(pause), Cancelled);
                await AssertRefusedWithinDeadlineAsync(bus);
            }
            finally
            {
                _broker.Resume();
            }
            // A connection attempt that began before the end of the pause may have to time out first.
            var took = await bus.UntilOneArrivesAsync(TimeSpan.FromSeconds(12), Cancelled);
            TestContext.Current.TestOutputHelper?.WriteLine($"paused for {pause} s: back after {took.TotalMilliseconds:0} ms");
        }
    }

    [Theory]
    [InlineData("connection.start-ok", 10, 11)]
    [InlineData("channel.open", 20, 10)]
    [InlineData("exchange.declare", 40, 10)]
    [InlineData("queue.declare", 50, 10)]
    [InlineData("basic.qos", 60, 10)]
    [InlineData("basic.consume", 60, 20)]
    public async Task A_consumer_whose_set_up_met_silence_is_back_soon_after_it_ends(string method, byte classId, byte methodId)
    {
        await using var link = new BrokerLink(new Uri(await _broker.CreateVirtualHostAsync(Cancelled)));
        await using var bus = await BusUnderTest.StartAsync(link.Address);
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        link.SilentFrom = [0, classId, 0, methodId];
        link.Cut();
        await link.Silenced.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        // Longer than a step of the set-up may take: it was given up by then.
        await Task.Delay(TimeSpan.FromSeconds(6.5), Cancelled);
        link.SilentFrom = null;
        link.Cut();
        // Without a channel, nothing but the watch sees that the set-up has ended.
        var took = await bus.UntilOneArrivesAsync(method == "channel.open" ? 3 * Back : Back, Cancelled);
        TestContext.Current.TestOutputHelper?.WriteLine($"silent from {method} on: back after {took.TotalMilliseconds:0} ms");
    }

    [Fact]
    public async Task A_memory_alarm_blocks_nobody_longer_than_the_deadline_and_shows_in_the_health()
    {
        await using var bus = await BusUnderTest.StartAsync(await _broker.CreateVirtualHostAsync(Cancelled), "ingress");
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        await _broker.RaiseMemoryAlarmAsync(Cancelled);
        await AssertRefusedWithinDeadlineAsync(bus);
        var health = await bus.HealthAsync();
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("alarm", health.Entries["publish"].Description, StringComparison.Ordinal);

        await _broker.ClearMemoryAlarmAsync(Cancelled);
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        Assert.Equal(HealthStatus.Healthy, (await bus.HealthAsync()).Status);
    }

    [Fact]
    public async Task A_publish_that_was_given_up_may_arrive_later_and_stands_in_nobodys_way()
    {
        await using var bus = await BusUnderTest.StartAsync(await _broker.CreateVirtualHostAsync(Cancelled), "ingress");
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        _broker.Pause();
        try
        {
            using var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                bus.Publisher.PublishAsync(new TipCheckRequested { SourceId = "given-up" }, Guid.NewGuid(), TimeSpan.FromSeconds(30), gone.Token));
        }
        finally
        {
            _broker.Resume();
        }

        await bus.UntilOneArrivesAsync(Back, Cancelled);
        TestContext.Current.TestOutputHelper?.WriteLine($"it {(bus.Received.Sources.ContainsKey("given-up") ? "arrived" : "did not arrive")}");
        // Nothing that was given up by its caller counts as a broker that does not confirm.
        Assert.Equal(HealthStatus.Healthy, (await bus.HealthAsync()).Entries["publish"].Status);
    }

    [Fact]
    public async Task A_deleted_queue_is_made_again()
    {
        var address = await _broker.CreateVirtualHostAsync(Cancelled);
        await using var bus = await BusUnderTest.StartAsync(address);
        await bus.UntilOneArrivesAsync(Back, Cancelled);
        await _broker.ControlAsync(Cancelled, "--vhost", new Uri(address).AbsolutePath.TrimStart('/'), "delete_queue", "tip-checks");
        await bus.UntilOneArrivesAsync(Back, Cancelled);
    }

    private static async Task AssertRefusedWithinDeadlineAsync(BusUnderTest bus)
    {
        var began = TimeProvider.System.GetTimestamp();
        await Assert.ThrowsAnyAsync<Exception>(() => bus.Publisher.PublishAsync(new TipCheckRequested { SourceId = "fleet" }, Guid.NewGuid(), TimeSpan.FromSeconds(5), Cancelled));
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task Consumers_and_publishers_are_back_after_each_of_20_restarts()
    {
        await using var bus = await BusUnderTest.StartAsync(await _broker.CreateVirtualHostAsync(Cancelled));
        await bus.UntilOneArrivesAsync(TimeSpan.FromSeconds(20), Cancelled);
        for (var restart = 1; restart <= 20; restart++)
        {
            await _broker.RestartAsync(Cancelled);
            var took = await bus.UntilOneArrivesAsync(Back, Cancelled);
            TestContext.Current.TestOutputHelper?.WriteLine($"restart {restart}: back after {took.TotalMilliseconds:0} ms");
        }
    }
}
