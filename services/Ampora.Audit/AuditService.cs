using MassTransit;

namespace Ampora.Audit;

/// <summary>Keeps the record: append-only, gapless, hash-chained.</summary>
public static class AuditService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddAudit(this WebApplicationBuilder builder)
    {
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddAuditConsumers(this IBusRegistrationConfigurator bus)
    {
    }

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapAudit(this WebApplication app)
    {
    }
}
