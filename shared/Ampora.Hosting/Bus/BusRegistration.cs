using Ampora.Contracts;
using Ampora.Hosting.Settings;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Hosting.Bus;

/// <summary>Chooses the bus: RabbitMQ where a broker is set, in-memory in Standalone otherwise.</summary>
internal static class BusRegistration
{
    public const string Setting = "ConnectionStrings__Broker";

    public static void Add(WebApplicationBuilder builder, string service, Action<IBusRegistrationConfigurator> consumers)
    {
        var broker = builder.Configuration.GetConnectionString("Broker");
        var address = BrokerAddress(builder, broker);
        if (string.IsNullOrEmpty(broker) && service != ServiceHost.Standalone)
            builder.AddSettingsProblem($"{Setting} is missing: it should be the address of RabbitMQ, amqp://user:password@host:5672/vhost or amqps://…");

        builder.Services.AddSingleton<IMessagePublisher, BusMessagePublisher>();
        builder.Services.AddMassTransit(bus =>
        {
            consumers(bus);
            if (address is null)
                bus.UsingInMemory((context, transport) => transport.ConfigureEndpoints(context));
            else
                bus.UsingRabbitMq((context, rabbit) =>
                {
                    rabbit.Host(address);
                    rabbit.SetQuorumQueue();
                    rabbit.ConfigureEndpoints(context);
                });
        });
    }

    private static Uri? BrokerAddress(WebApplicationBuilder builder, string? broker)
    {
        if (string.IsNullOrEmpty(broker))
            return null;
        if (Uri.TryCreate(broker, UriKind.Absolute, out var address) && address.Scheme is "amqp" or "amqps" && address.Host.Length > 0)
            return address;
        builder.AddSettingsProblem($"{Setting} is no broker's address: it should be amqp://user:password@host:5672/vhost or amqps://…");
        return null;
    }
}
