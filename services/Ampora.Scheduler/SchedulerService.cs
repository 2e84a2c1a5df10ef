using Ampora.Hosting.Settings;
using Ampora.Store;
using MassTransit;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Ampora.Scheduler;

/// <summary>Asks for polls that are due, wakes what nobody finished, relays the outbox, notices missed webhooks, removes what is past its time, and collects what nobody needs.</summary>
public static class SchedulerService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddScheduler(this WebApplicationBuilder builder)
    {
        builder.AddStore();
        builder.AddSettings<RetentionSettings>("Retention");
        builder.AddSettings<MissSettings>("Webhooks");
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<MissedWebhooks>();
        builder.Services.AddSingleton<Ages>();
        builder.Services.AddSingleton<Retention>();
        builder.Services.AddSingleton<SnapshotRetention>();
        builder.Services.AddSingleton<Acknowledgements>();
        builder.Services.AddSingleton<RestoredStore>();
        builder.Services.AddSingleton<SchedulerLoops>();
        builder.Services.AddHostedService(services => services.GetRequiredService<SchedulerLoops>());
        builder.Services.AddHealthChecks().AddCheck<SchedulerHealth>("scheduler");
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddSchedulerConsumers(this IBusRegistrationConfigurator bus) =>
        bus.AddConsumer<AcknowledgementConsumer, AcknowledgementConsumerDefinition>();

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapScheduler(this WebApplication app)
    {
        // The scheduler serves nobody: its health and metrics are the management port's.
    }
}
