using MassTransit;

namespace Ampora.Ingress;

/// <summary>Authenticates webhooks, commits the wake-up, and answers 202.</summary>
public static class IngressService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddIngress(this WebApplicationBuilder builder)
    {
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddIngressConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapIngress(this WebApplication app)
    {
    }
}
