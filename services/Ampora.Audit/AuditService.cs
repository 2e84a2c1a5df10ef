using Ampora.Audit.Chain;
using Ampora.Audit.Heads;
using Ampora.Audit.Model;
using Ampora.Audit.Queries;
using Ampora.Audit.Recording;
using Ampora.Audit.Retention;
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
        if (AuditRoles.TryRead(builder.Configuration, out var roles) is { Count: > 0 } problems)
        {
            foreach (var problem in problems)
                builder.AddSettingsProblem(problem);
        }
        else
        {
            builder.Services.AddAuditDatabase(roles!);
        }

        builder.AddSettings<AuditRetentionSettings>("Retention");
        builder.AddSettings<HeadSettings>("Audit");
        if (builder.Configuration["Ampora:Audit:HeadFile"] is { } path && !string.IsNullOrWhiteSpace(path) && new HeadFile(path).Check() is { } unusable)
            builder.AddSettingsProblem($"Ampora__Audit__HeadFile: {path} cannot be appended to ({unusable}); it should be a file in a folder that this process may write to.");

        builder.Services.AddSingleton<AuditLog>();
        builder.Services.AddSingleton<AuditReader>();
        builder.Services.AddSingleton<HeadExport>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<HeadExport>());
        builder.Services.AddSingleton(provider => new ChainVerifier(
            provider.GetRequiredService<Database<AuditContext>>(), provider.GetRequiredService<HeadExport>().File, provider.GetRequiredService<ILogger<ChainVerifier>>()));
        builder.Services.AddSingleton<EntryRetirement>();
        builder.Services.AddHostedService<AuditRetention>();
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
