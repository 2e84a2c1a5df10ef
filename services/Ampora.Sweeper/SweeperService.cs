using MassTransit;

namespace Ampora.Sweeper;

/// <summary>Reads tips, fetches trees once, and commits runs.</summary>
public static class SweeperService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddSweeper(this WebApplicationBuilder builder)
    {
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddSweeperConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapSweeper(this WebApplication app)
    {
    }
}
