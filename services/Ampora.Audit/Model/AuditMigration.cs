using Ampora.Audit.Retention;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Ampora.Audit.Model;

/// <summary>
/// Brings the audit database to this release as its owner, who also grants the other roles exactly what they need; then looks whether everybody can do
/// their work. A role that is not there yet is waited for.
/// </summary>
internal sealed class AuditMigration(AuditRoles roles, IOptions<AuditRetentionSettings> retention, TimeProvider time)
{
    private const string RolesAreDocumented = "docs/deploy.md, \"Databases\", says how the roles are made";

    /// <summary>Migrates and grants, unless the owner was not given and has done so at another start.</summary>
    /// <exception cref="DatabaseNotReadyException">A role is missing, locked out, or has not been granted its rights yet.</exception>
    /// <exception cref="InvalidOperationException">The settings ask for what their roles may not do.</exception>
    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        await using var writer = AuditDatabase.Open(roles.Writer, time);
        if (writer.Dialect == DatabaseDialect.Sqlite)
        {
            await writer.MigrateAsync(cancellationToken);
            return;
        }

        if (roles.Owner is { } address)
        {
            await using var owner = AuditDatabase.Open(address, time);
            await AsAsync("ConnectionStrings__AuditOwner", () => MigrateAsOwnerAsync(owner, cancellationToken));
        }
        else if (await AsAsync("ConnectionStrings__Audit", () => OwnsAsync(writer, cancellationToken)))
        {
            await AsAsync("ConnectionStrings__Audit", () => MigrateAsOwnerAsync(writer, cancellationToken));
        }

        await AsAsync("ConnectionStrings__Audit", () => CheckWriterAsync(writer, cancellationToken));
        if (roles.Retention is { } another)
        {
            await using var own = AuditDatabase.Open(another, time);
            if (!await AsAsync("ConnectionStrings__AuditRetention", () => MayRetireAsync(own, cancellationToken)))
                throw new DatabaseNotReadyException("ConnectionStrings__AuditRetention: its role may not retire yet; start once with ConnectionStrings__AuditOwner, which grants it");
        }
        else if (retention.Value.AuditDays > 0 && !await MayRetireAsync(writer, cancellationToken))
        {
            throw new InvalidOperationException(
                $"Ampora__Retention__AuditDays is {retention.Value.AuditDays}, but the role of ConnectionStrings__Audit only appends: set ConnectionStrings__AuditRetention to the role that retires, or Ampora__Retention__AuditDays to 0. {RolesAreDocumented}");
        }
    }

    private async Task<bool> MigrateAsOwnerAsync(Database<AuditContext> owner, CancellationToken cancellationToken)
    {
        if (!await OwnsAsync(owner, cancellationToken))
            throw new InvalidOperationException("ConnectionStrings__AuditOwner is not the role that owns the tables of the audit log: give the role that migrated it first");
        await owner.MigrateAsync(cancellationToken);
        if (roles.Owner is not null || roles.Retention is not null)
            await AuditGrants.GrantAsync(owner, roles, cancellationToken);
        return true;
    }

    /// <summary>Whether this role owns the tables, or may make them because there are none.</summary>
    private static async Task<bool> OwnsAsync(Database<AuditContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        try
        {
            return await context.Database.SqlQuery<bool>(
                $"""SELECT coalesce((SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = to_regclass('audit_entries')), true) AS "Value" """).SingleAsync(cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            // Migrating makes the database.
            return true;
        }
    }

    private async Task<bool> CheckWriterAsync(Database<AuditContext> writer, CancellationToken cancellationToken)
    {
        await using var context = writer.Read();
        var can = await context.Database.SqlQuery<bool>(
            $"""
             SELECT coalesce(has_table_privilege(to_regclass('audit_entries'), 'INSERT') AND has_table_privilege(to_regclass('migrations_audit'), 'SELECT'), false) AS "Value"
             """).SingleAsync(cancellationToken);
        if (!can)
            throw new DatabaseNotReadyException($"ConnectionStrings__Audit: its role {roles.WriterName} may not append yet; start once with ConnectionStrings__AuditOwner, which migrates and grants it");
        var pending = await context.Database.GetPendingMigrationsAsync(cancellationToken);
        if (pending.Any())
            throw new DatabaseNotReadyException("the audit database is of an earlier release, and the role of ConnectionStrings__Audit does not own it; start once with ConnectionStrings__AuditOwner, which migrates it");
        return true;
    }

    private static async Task<bool> MayRetireAsync(Database<AuditContext> database, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        return await context.Database.SqlQuery<bool>(
            $"""SELECT coalesce(has_column_privilege(to_regclass('audit_anchor'), 'last_id', 'UPDATE'), false) AS "Value" """).SingleAsync(cancellationToken);
    }

    /// <summary>Says which setting's role is missing or locked out.</summary>
    private static async Task<T> AsAsync<T>(string setting, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification
            or PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new DatabaseNotReadyException($"{setting}: {e.MessageText} ({e.SqlState}). {RolesAreDocumented}");
        }
    }
}
