using Ampora.Database;

namespace Ampora.Audit.Model;

/// <summary>The audit log's own database, apart from the store so that other people may administer it.</summary>
internal static class AuditDatabase
{
    /// <summary>Registers it, and has it migrated before anything else of the host starts.</summary>
    public static void AddAuditDatabase(this IServiceCollection services, DatabaseAddress address)
    {
        services.AddSingleton(provider => Open(address, provider.GetService<TimeProvider>() ?? TimeProvider.System));
        services.AddMigrationAtStart<AuditContext>("audit");
    }

    /// <summary>Opens it.</summary>
    public static Database<AuditContext> Open(DatabaseAddress address, TimeProvider time) => DatabaseRegistration.Create<AuditContext>(
        address, time, options => new PostgresAuditContext(options), options => new SqliteAuditContext(options));
}
