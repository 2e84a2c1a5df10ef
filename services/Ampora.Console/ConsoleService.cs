using MassTransit;

namespace Ampora.Console;

/// <summary>The management API and the page.</summary>
public static class ConsoleService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddConsole(this WebApplicationBuilder builder)
    {
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddConsoleConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapConsole(this WebApplication app)
    {
    }
}
