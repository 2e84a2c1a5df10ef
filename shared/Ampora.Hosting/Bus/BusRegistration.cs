using System.Net.Security;
using Ampora.Contracts;
using Ampora.Hosting.Management;
using Ampora.Hosting.Settings;
using MassTransit;
using MassTransit.RabbitMqTransport.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Chooses the bus: RabbitMQ where a broker is set, in-memory in Standalone otherwise. What holds on either: a handler that throws loses
/// its message, because every fact is in a database and is sent again from there (the reconciliation, the outbox); so there are no
/// <c>_error</c> and <c>_skipped</c> queues that would grow without anybody reading them and keep exception texts.
/// </summary>
internal static class BusRegistration
{
    public const string Setting = "ConnectionStrings__Broker";
    private const string Form = "amqp://user:password@host:5672/vhost, or amqps://… for TLS";

    // Long enough for a round trip on a bad day; a broker that is paused is given up and tried again.
    private static readonly TimeSpan BrokerDeadline = TimeSpan.FromSeconds(5);

    // A connection that died without a word is noticed after two of these.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);

    // Handlers take seconds; who takes longer is interrupted, and its work is found again in the database.
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(5);

    // Services that do nothing but handle messages: without the bus they are of no use, and must not count as a healthy replica.
    private static readonly string[] UselessWithoutBus = ["scheduler", "sweeper", "audit"];

    public static void Add(WebApplicationBuilder builder, string service, Action<IBusRegistrationConfigurator> consumers)
    {
        var connection = builder.Configuration.GetConnectionString("Broker");
        if (string.IsNullOrEmpty(connection) && service != ServiceHost.Standalone)
            builder.AddSettingsProblem($"{Setting} is missing: it should be the address of RabbitMQ, {Form}.");
        var broker = BrokerAddress.Parse(connection);
        if (broker is null && !string.IsNullOrEmpty(connection))
            builder.AddSettingsProblem($"{Setting} is no broker's address: it should be {Form}.");

        builder.Services.AddSingleton<BusMessagePublisher>();
        builder.Services.AddSingleton<IMessagePublisher>(services => services.GetRequiredService<BusMessagePublisher>());
        AddHealth(builder.Services, needed: Array.IndexOf(UselessWithoutBus, service) >= 0);
        builder.Services.Configure<MassTransitHostOptions>(host => host.StopTimeout = StopDeadline);
        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.AddConfigureEndpointsCallback((_, _, endpoint) =>
            {
                endpoint.DiscardFaultedMessages();
                endpoint.DiscardSkippedMessages();
                endpoint.PublishFaults = false;
            });
            consumers(bus);
            if (broker is null)
                bus.UsingInMemory((context, transport) => transport.ConfigureEndpoints(context));
            else
                UseRabbitMq(bus, service, broker);
        });
        if (broker is not null)
        {
            builder.Services.AddSingleton(broker);
            builder.Services.AddSingleton<BrokerProbe>();
            builder.Services.AddSingleton<Reconnection>();
            builder.Services.AddHostedService<BusWatch>();
        }
    }

    private static void AddHealth(IServiceCollection services, bool needed)
    {
        services.AddHealthChecks()
            .AddCheck<PublishHealth>("publish")
            .Add(new HealthCheckRegistration(
                "bus", provider => ActivatorUtilities.CreateInstance<BusHealth>(provider, needed), failureStatus: null, needed ? [ManagementPort.ReadyTag] : null));
        // MassTransit's own calls a bus without consumers degraded, which counts as ready.
        services.PostConfigure<HealthCheckServiceOptions>(checks =>
        {
            foreach (var check in checks.Registrations.Where(check => check.Tags.Contains("masstransit")).ToArray())
                checks.Registrations.Remove(check);
        });
    }

    private static void UseRabbitMq(IBusRegistrationConfigurator bus, string service, BrokerAddress broker)
    {
        bus.AddConfigureEndpointsCallback((_, _, endpoint) =>
        {
            // Replicated where the broker is a cluster; temporary queues cannot be.
            if (endpoint is IRabbitMqReceiveEndpointConfiguration { Settings: { AutoDelete: false, Durable: true } })
                ((IRabbitMqReceiveEndpointConfigurator)endpoint).SetQuorumQueue();
        });
        bus.UsingRabbitMq((context, rabbit) =>
        {
            rabbit.Host(broker.Host, broker.Port, broker.VirtualHost, $"ampora-{service}", host =>
            {
                host.Username(broker.Username);
                host.Password(broker.Password);
                host.Heartbeat(Heartbeat);
                host.RequestedConnectionTimeout(BrokerDeadline);
                host.ContinuationTimeout(BrokerDeadline);
                if (broker.Tls)
                {
                    host.UseSsl(tls =>
                    {
                        tls.ServerName = broker.Host;
                        // Without this any certificate is accepted.
                        tls.EnforcePolicyErrors(
                            SslPolicyErrors.RemoteCertificateNotAvailable | SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateChainErrors);
                    });
                }
            });
            context.GetRequiredService<Reconnection>().AtOnce(rabbit);
            rabbit.ConnectEndpointConfigurationObserver(new SilentBroker());
            rabbit.ConfigureEndpoints(context);
        });
    }
}
