using MassTransit;

namespace Ampora.Scheduler;

/// <summary>Asks for polls that are due, wakes what nobody finished, and relays the outbox.</summary>
public static class SchedulerService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddScheduler(this WebApplicationBuilder builder)
    {
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddSchedulerConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapScheduler(this WebApplication app)
    {
    }
}
