using MassTransit;

namespace Ampora.Gateway;

/// <summary>The only public port: TLS, HTTPS-only webhooks, path prefix, limits, and balancing over healthy replicas.</summary>
public static class GatewayService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddGateway(this WebApplicationBuilder builder)
    {
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddGatewayConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapGateway(this WebApplication app)
    {
    }
}
