using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Audit.Queries;
using Ampora.Audit.Recording;
using Ampora.Database;
using Ampora.Hosting.Settings;
using MassTransit;

namespace Ampora.Audit;

/// <summary>Keeps the record: append-only, gapless, hash-chained.</summary>
public static class AuditService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddAudit(this WebApplicationBuilder builder)
    {
        if (DatabaseAddress.TryParse("ConnectionStrings__Audit", builder.Configuration.GetConnectionString("Audit"), out var address) is { } problem)
            builder.AddSettingsProblem(problem);
        else
            builder.Services.AddAuditDatabase(address!);

        builder.Services.AddSingleton<AuditLog>();
        builder.Services.AddSingleton<AuditReader>();
        builder.Services.AddSingleton<ChainVerifier>();
        builder.Services.AddHostedService<HeadReport>();
        builder.Services.AddHealthChecks().AddCheck<LogHealth>("audit-log", tags: ["ready"]);
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddAuditConsumers(this IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<SyncRunCompletedConsumer, SyncRunCompletedConsumerDefinition>();
        bus.AddConsumer<AuditRecordedConsumer, AuditRecordedConsumerDefinition>();
        bus.AddConsumer<QueryAuditConsumer, QueryAuditConsumerDefinition>();
        bus.AddConsumer<VerifyAuditConsumer, VerifyAuditConsumerDefinition>();
    }

    /// <summary>Maps the service's endpoints: none, since the Console asks over the bus.</summary>
    public static void MapAudit(this WebApplication app)
    {
    }
}
