using Ampora.Hosting.Settings;
using Ampora.Ingress.Bodies;
using Ampora.Ingress.Deliveries;
using Ampora.Ingress.Refusals;
using Ampora.Ingress.Webhooks;
using Ampora.Store;
using Ampora.Store.Webhooks;
using MassTransit;

namespace Ampora.Ingress;

/// <summary>Authenticates webhooks, commits the wake-up, and answers 202.</summary>
public static class IngressService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddIngress(this WebApplicationBuilder builder)
    {
        builder.AddStore();
        // HMAC secrets are kept encrypted.
        builder.RequireMasterKey();
        builder.AddSettings<IngressOptions>("Ingress");
        builder.AddSettings<ConfiguredSecrets>("Webhooks");

        var services = builder.Services;
        services.AddSingleton<Outages>();
        services.AddSingleton<BodyBudget>();
        services.AddSingleton<BodyReader>();
        services.AddSingleton<SecretReader>();
        services.AddSingleton<UnreadableSecrets>();
        services.AddSingleton<SourceReceiver>();
        services.AddSingleton<SharedReceiver>();
        services.AddSingleton<UnmatchedDeliveries>();
        services.AddSingleton<RefusalLedger>();
        services.AddSingleton<RefusalRecords>();

        // The host stops them in the reverse order: first the refusals are written, then the last deliveries committed, then announced.
        services.AddSingleton<WakeupAnnouncer>();
        services.AddHostedService(provider => provider.GetRequiredService<WakeupAnnouncer>());
        services.AddSingleton<DeliveryCommitter>();
        services.AddHostedService(provider => provider.GetRequiredService<DeliveryCommitter>());
        services.AddHostedService<RefusalFlusher>();
        services.AddSingleton<WarmUp>();
        services.AddHostedService(provider => provider.GetRequiredService<WarmUp>());
        services.AddHealthChecks().AddCheck<WarmUp>("webhooks", tags: ["ready"]);
    }

    /// <summary>
    /// Registers the service's consumers: none. Ingress only asks; what it must be told (secrets, pauses) it reads from the database with
    /// each request, so that no message that comes late or never can let a revoked secret in.
    /// </summary>
    public static void AddIngressConsumers(this IBusRegistrationConfigurator bus) => ArgumentNullException.ThrowIfNull(bus);

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapIngress(this WebApplication app) => app.MapWebhooks();
}
