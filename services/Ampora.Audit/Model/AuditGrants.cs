using Ampora.Database;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Ampora.Audit.Model;

/// <summary>
/// What each role may do, given anew at every start as the owner, so that a role that was changed in the settings has it too. What a role may do goes no
/// further than its work, and the triggers hold within that.
/// </summary>
internal static class AuditGrants
{
    /// <summary>Grants, to roles that are there already.</summary>
    /// <exception cref="DatabaseNotReadyException">A role is missing.</exception>
    /// <exception cref="InvalidOperationException">A role has more rights than its work needs.</exception>
    public static Task GrantAsync(Database<AuditContext> owner, AuditRoles roles, CancellationToken cancellationToken) => owner.WriteAsync(
        async (context, token) =>
        {
            // Two replicas that start together would change the same rows of PostgreSQL's catalogue.
            await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock(hashtextextended('ampora audit grants', 0))", token);
            if (roles.Owner is not null)
            {
                await CheckAsync(context, "ConnectionStrings__Audit", roles.WriterName, token);
                await ConnectAsync(context, roles.WriterName, token);
                var writer = Quoted(roles.WriterName);
                await RunAsync(
                    context,
                    $"""
                     REVOKE ALL ON audit_entries, audit_head, audit_anchor FROM {writer};
                     GRANT SELECT, INSERT ON audit_entries TO {writer};
                     GRANT SELECT, UPDATE (last_id, hash) ON audit_head TO {writer};
                     GRANT SELECT ON audit_anchor, migrations_audit TO {writer};
                     """,
                    token);
            }

            if (roles.RetentionName is { } name)
            {
                await CheckAsync(context, "ConnectionStrings__AuditRetention", name, token);
                await ConnectAsync(context, name, token);
                var retention = Quoted(name);
                await RunAsync(
                    context,
                    $"""
                     REVOKE ALL ON audit_entries, audit_head, audit_anchor FROM {retention};
                     GRANT SELECT, UPDATE (last_id, hash) ON audit_anchor TO {retention};
                     """,
                    token);
            }
        },
        cancellationToken);

    /// <summary>A role that could take the owner's place makes three roles one.</summary>
    private static async Task CheckAsync(AuditContext context, string setting, string role, CancellationToken cancellationToken)
    {
        var found = await context.Database.SqlQuery<bool>(
            $"""SELECT r.rolsuper OR r.rolreplication OR pg_has_role(r.oid, c.relowner, 'MEMBER') AS "Value" FROM pg_roles r, pg_class c WHERE r.rolname = {role} AND c.oid = to_regclass('audit_entries')""")
            .ToListAsync(cancellationToken);
        if (found is [])
            throw new DatabaseNotReadyException($"{setting}: PostgreSQL has no role {role}. docs/deploy.md, \"Databases\", says how the roles are made");
        if (found is [true])
            throw new InvalidOperationException($"{setting}: the role {role} is a superuser, may replicate, or is a member of the role that owns the audit log, and so could change it: give a role without");
    }

    /// <summary>Lets a role in, where the database is not open to everybody.</summary>
    private static async Task ConnectAsync(AuditContext context, string role, CancellationToken cancellationToken)
    {
        var place = await context.Database.SqlQuery<Place>(
            $"""
             SELECT current_database()::text AS "Database", current_schema()::text AS "Schema",
                 has_database_privilege({role}, current_database(), 'CONNECT') AS "Connects", has_schema_privilege({role}, current_schema(), 'USAGE') AS "Uses"
             """).SingleAsync(cancellationToken);
        if (!place.Connects)
            await RunAsync(context, $"GRANT CONNECT ON DATABASE {Quoted(place.Database)} TO {Quoted(role)}", cancellationToken);
        if (!place.Uses)
            await RunAsync(context, $"GRANT USAGE ON SCHEMA {Quoted(place.Schema)} TO {Quoted(role)}", cancellationToken);
    }

    // Names of roles cannot be parameters.
    private static Task<int> RunAsync(AuditContext context, string sql, CancellationToken cancellationToken) => context.Database.ExecuteSqlRawAsync(
        sql.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal), cancellationToken);

    private static string Quoted(string name) => new NpgsqlCommandBuilder().QuoteIdentifier(name);

    private sealed record Place(string Database, string Schema, bool Connects, bool Uses);
}
