using Ampora.Gateway.Front;
using Ampora.Gateway.Replicas;
using Ampora.Gateway.Tls;
using Ampora.Hosting;
using Ampora.Hosting.Http;
using Ampora.Hosting.Settings;
using MassTransit;

namespace Ampora.Gateway;

/// <summary>The only public port: TLS, HTTPS-only webhooks, path prefix, limits, and balancing over healthy replicas.</summary>
public static class GatewayService
{
    /// <summary>
    /// Registers what the service is made of. What stands in front of all requests is the same in Standalone, where there is nothing to
    /// forward to: the endpoints are in the same process.
    /// </summary>
    public static void AddGateway(this WebApplicationBuilder builder)
    {
        builder.AddSettings<GatewaySettings>("Gateway");
        builder.AddSettings<WebhookSettings>("Webhooks");
        var rules = FrontRules.Read(builder);
        builder.AddCertificate(rules);
        builder.MoveTokensBeforeAnybodyLooks();
        builder.Services.AddSingleton<IStartupFilter>(new MiddlewareFilter(app => app.UseMiddleware<FrontDoor>(rules)));
        if (ServiceHost.NameOf(builder) == ServiceHost.Gateway)
            builder.AddReplicas();
    }

    /// <summary>Registers the service's consumers: none, the gateway's own process has no bus.</summary>
    public static void AddGatewayConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints: everything that is not the gateway's own goes to a replica.</summary>
    public static void MapGateway(this WebApplication app) => app.MapReplicas();
}
