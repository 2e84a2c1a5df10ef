using Ampora.Audit.Retention;
using Ampora.Database;
using Microsoft.Extensions.Options;

namespace Ampora.Audit.Model;

/// <summary>The audit log's own database, apart from the store so that other people may administer it.</summary>
internal static class AuditDatabase
{
    /// <summary>Registers it, and has it migrated before anything else of the host starts.</summary>
    public static void AddAuditDatabase(this IServiceCollection services, AuditRoles roles)
    {
        services.AddSingleton(provider => Open(roles.Writer, Time(provider)));
        services.AddSingleton(provider => new RetentionDatabase(
            roles.Retention is null ? provider.GetRequiredService<Database<AuditContext>>() : Open(roles.Retention, Time(provider)), roles.Retention is not null));
        services.AddSingleton(provider => new AuditMigration(
            roles, provider.GetRequiredService<IOptions<AuditRetentionSettings>>(), Time(provider)));
        services.AddMigrationAtStart<AuditContext>("audit", provider => provider.GetRequiredService<AuditMigration>().MigrateAsync);
    }

    /// <summary>Opens it.</summary>
    public static Database<AuditContext> Open(DatabaseAddress address, TimeProvider time) => DatabaseRegistration.Create<AuditContext>(
        address, time, options => new PostgresAuditContext(options), options => new SqliteAuditContext(options));

    private static TimeProvider Time(IServiceProvider provider) => provider.GetService<TimeProvider>() ?? TimeProvider.System;
}

/// <summary>The same database as the role that retires.</summary>
/// <param name="Database">It; the writer's when that retires.</param>
/// <param name="IsOwn">Whether it is another role than the writer.</param>
internal sealed record RetentionDatabase(Database<AuditContext> Database, bool IsOwn) : IAsyncDisposable
{
    /// <inheritdoc/>
    public ValueTask DisposeAsync() => IsOwn ? Database.DisposeAsync() : ValueTask.CompletedTask;
}
