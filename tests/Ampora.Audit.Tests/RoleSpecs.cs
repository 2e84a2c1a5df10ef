using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Ampora.Audit.Tests;

/// <summary>Three roles on a real PostgreSQL, each by its own connection.</summary>
public sealed class RoleSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_writer_appends_and_can_do_nothing_else()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync();
        using var log = new AuditLog(audit.Writer);
        for (var i = 1; i <= 4; i++)
            Assert.Equal(i, (await log.AppendAsync(TestAudit.Entry(i), Cancellation)).AuditId);

        string[] attacks =
        [
            .. OnTheRecord,
            "DELETE FROM audit_anchor",
            "UPDATE audit_anchor SET last_id = 2, hash = (SELECT hash FROM audit_entries WHERE audit_id = 2)",
            "UPDATE audit_head SET last_id = 2, hash = (SELECT hash FROM audit_entries WHERE audit_id = 2)",
            "UPDATE audit_head SET hash = (SELECT hash FROM audit_entries WHERE audit_id = 2)",
            "UPDATE audit_head SET last_id = 9",
            "UPDATE audit_head SET id = 2",
            "INSERT INTO audit_entries SELECT 5, gen_random_uuid(), occurred_at, recorded_at, actor, action, subject, remote_ip, count, run_id, detail, hash, hash FROM audit_entries WHERE audit_id = 2",
            "INSERT INTO audit_entries SELECT * FROM audit_entries WHERE audit_id = 2 ON CONFLICT (audit_id) DO UPDATE SET actor = 'nobody'",
            "COPY audit_entries TO PROGRAM 'true'",
        ];
        foreach (var attack in attacks)
            await RefusedAsync(audit.Writer, attack, audit);

        Assert.Equal((true, 4L), await audit.VerifiedAsync());
    }

    [Fact]
    public async Task Retention_moves_the_anchor_to_what_was_declared_and_can_do_nothing_else()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync();
        await audit.AppendOldAsync(6);
        string[] attacks =
        [
            .. OnTheRecord,
            "SELECT * FROM audit_entries",
            "DELETE FROM audit_anchor",
            "UPDATE audit_anchor SET id = 2",
            "UPDATE audit_anchor SET last_id = 3",
            $"UPDATE audit_anchor SET last_id = 3, hash = '\\x{await audit.HashOfAsync(3)}'",
            "UPDATE audit_head SET last_id = 2",
        ];
        foreach (var attack in attacks)
            await RefusedAsync(audit.Retention, attack, audit);

        // Declared, it goes, and no further.
        Assert.True(await audit.Retirement().RetireAsync(TimeSpan.FromDays(60), before: 4, Cancellation));
        Assert.Equal((true, 4L), await audit.VerifiedAsync());
        foreach (var attack in attacks)
            await RefusedAsync(audit.Retention, attack, audit);
        await RefusedAsync(audit.Retention, $"UPDATE audit_anchor SET last_id = 5, hash = '\\x{await audit.HashOfAsync(5)}'", audit);
        Assert.True(await audit.Retirement().RetireAsync(TimeSpan.FromDays(60), before: 6, Cancellation));
        Assert.Equal((true, 3L), await audit.VerifiedAsync());
    }

    [Fact]
    public async Task Writer_and_retention_together_cannot_remove_what_is_younger_than_thirty_days()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync();
        using var log = new AuditLog(audit.Writer);
        for (var i = 1; i <= 4; i++)
            await log.AppendAsync(TestAudit.Entry(i), Cancellation);

        // The service itself, told that everything is old.
        await Assert.ThrowsAnyAsync<Exception>(() => audit.Retirement().RetireAsync(TimeSpan.FromDays(-1), 4, Cancellation));

        Assert.Equal((true, 5L), await audit.VerifiedAsync());
    }

    /// <summary>A session finds its temporary tables first: a guard that looked there would take another table for the log.</summary>
    [Fact]
    public async Task A_temporary_table_of_the_same_name_deceives_no_guard()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync();
        await audit.AppendOldAsync(4);

        await RefusedAsync(
            audit.Writer,
            "CREATE TEMP TABLE audit_entries AS SELECT 9::bigint AS audit_id, '\\x00'::bytea AS hash; UPDATE public.audit_head SET last_id = 9, hash = '\\x00'",
            audit);
        await RefusedAsync(
            audit.Retention,
            """
            CREATE TEMP TABLE audit_entries AS SELECT 9::bigint AS audit_id, 'audit.retired' AS action, 'system' AS actor, 'audit' AS subject,
                '{"through":3,"hash":"00"}' AS detail, '\x00'::bytea AS hash, now() - interval '1 year' AS recorded_at;
            INSERT INTO audit_entries SELECT 3, '', '', '', '', '\x00', now() - interval '1 year';
            UPDATE public.audit_anchor SET last_id = 3, hash = '\x00'
            """,
            audit);
        await RefusedAsync(
            audit.Retention,
            "CREATE TEMP TABLE bait (id int, last_id bigint, hash bytea); CREATE TRIGGER bite AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION public.audit_anchor_retire(); INSERT INTO bait VALUES (1, 3, '')",
            audit);

        Assert.Equal((true, 4L), await audit.VerifiedAsync());
    }

    [Fact]
    public async Task The_owner_need_not_be_given_again_and_everybody_does_their_work()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync();
        await audit.AppendOldAsync(6);

        await audit.MigrateAsync(audit.Roles with { Owner = null }, auditDays: 60);

        Assert.True(await audit.Retirement().RetireAsync(TimeSpan.FromDays(60), before: 4, Cancellation));
        Assert.Equal((true, 4L), await audit.VerifiedAsync());
    }

    [Fact]
    public async Task Another_writer_is_granted_at_the_next_start()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync();
        var another = await audit.AddRoleAsync("another \"odd\" {0} writer");

        var waits = await Assert.ThrowsAsync<DatabaseNotReadyException>(() => audit.MigrateAsync(audit.Roles with { Writer = another, Owner = null }));
        Assert.StartsWith("ConnectionStrings__Audit: permission denied for database", waits.Message, StringComparison.Ordinal);
        await audit.MigrateAsync(audit.Roles with { Writer = another });

        await using var database = AuditDatabase.Open(another, TimeProvider.System);
        using var log = new AuditLog(database);
        Assert.Equal(1, (await log.AppendAsync(TestAudit.Entry(1), Cancellation)).AuditId);
        await RefusedAsync(database, "DELETE FROM audit_entries", audit);
    }

    [Fact]
    public async Task Replicas_that_start_together_grant_together()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => audit.MigrateAsync(), Cancellation)));

        using var log = new AuditLog(audit.Writer);
        Assert.Equal(1, (await log.AppendAsync(TestAudit.Entry(1), Cancellation)).AuditId);
    }

    [Fact]
    public async Task One_role_of_an_earlier_release_becomes_the_owner_of_three()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        await audit.MigrateAsync(new AuditRoles(audit.Roles.Owner!, null, null), auditDays: 60);
        await using var before = AuditDatabase.Open(audit.Roles.Owner!, TimeProvider.System);
        using var old = new AuditLog(before);
        await old.AppendAsync(TestAudit.Entry(1), Cancellation);

        await audit.MigrateAsync(auditDays: 60);

        // The process of before goes on beside the new one.
        using var log = new AuditLog(audit.Writer);
        Assert.Equal(2, (await log.AppendAsync(TestAudit.Entry(2), Cancellation)).AuditId);
        Assert.Equal(3, (await old.AppendAsync(TestAudit.Entry(3), Cancellation)).AuditId);
        Assert.Equal((true, 3L), await audit.VerifiedAsync());
    }

    [Fact]
    public async Task A_role_that_is_missing_is_named_with_its_setting()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        async Task<string> WaitsAsync(AuditRoles roles) => (await Assert.ThrowsAsync<DatabaseNotReadyException>(() => audit.MigrateAsync(roles))).Message;

        var nobody = ThreeRoles.As(audit.Roles.Writer, "nobody_at_all");
        Assert.StartsWith("ConnectionStrings__Audit: PostgreSQL has no role nobody_at_all", await WaitsAsync(audit.Roles with { Writer = nobody }), StringComparison.Ordinal);
        Assert.StartsWith("ConnectionStrings__AuditRetention: PostgreSQL has no role nobody_at_all", await WaitsAsync(audit.Roles with { Retention = nobody }), StringComparison.Ordinal);
        Assert.StartsWith("ConnectionStrings__AuditOwner: ", await WaitsAsync(audit.Roles with { Owner = nobody }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Roles_that_are_not_apart_stop_the_start()
    {
        await using var audit = await ThreeRoles.CreateAsync(postgres);
        async Task<string> StopsAsync(AuditRoles roles, int auditDays = 0) =>
            (await Assert.ThrowsAsync<InvalidOperationException>(() => audit.MigrateAsync(roles, auditDays))).Message;
        await audit.MigrateAsync();

        Assert.Contains("ConnectionStrings__AuditRetention", await StopsAsync(audit.Roles with { Retention = null }, auditDays: 60), StringComparison.Ordinal);
        Assert.Contains("superuser", await StopsAsync(audit.Roles with { Writer = audit.Superuser }), StringComparison.Ordinal);
        var member = await audit.AddRoleAsync("member");
        await audit.AsSuperuserAsync($"GRANT \"{ThreeRoles.NameOf(audit.Roles.Owner!)}\" TO \"{ThreeRoles.NameOf(member)}\"");
        Assert.Contains("is a member", await StopsAsync(audit.Roles with { Writer = member }), StringComparison.Ordinal);
        var another = await audit.AddRoleAsync("not_the_owner");
        await audit.AsSuperuserAsync($"DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), '{ThreeRoles.NameOf(another)}'); END $$");
        Assert.Contains("is not the role that owns the tables", await StopsAsync(audit.Roles with { Owner = another }), StringComparison.Ordinal);
    }

    /// <summary>What none of the two may do to the record, whatever else each may.</summary>
    private static string[] OnTheRecord =>
    [
        "UPDATE audit_entries SET actor = 'nobody' WHERE audit_id = 2",
        "DELETE FROM audit_entries WHERE audit_id = 2",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "TRUNCATE audit_entries, audit_head, audit_anchor CASCADE",
        "DROP TABLE audit_entries",
        "ALTER TABLE audit_entries RENAME TO away",
        "ALTER TABLE audit_entries ADD COLUMN more int",
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_kept",
        "DROP TRIGGER audit_entries_kept ON audit_entries",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE mine AS ON INSERT TO audit_entries DO INSTEAD NOTHING",
        "DROP FUNCTION audit_entries_keep() CASCADE",
        "CREATE OR REPLACE FUNCTION audit_entries_keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "ALTER FUNCTION audit_entries_keep() SET search_path TO pg_temp",
        "SET session_replication_role = replica",
        "SET ROLE owner",
        "SET SESSION AUTHORIZATION owner",
        "GRANT ALL ON audit_entries TO PUBLIC",
        "INSERT INTO audit_head (id, last_id, hash) VALUES (2, 0, '')",
        "DELETE FROM audit_head",
        "DROP TABLE audit_head",
        "INSERT INTO audit_anchor (id, last_id, hash) VALUES (2, 0, '')",
        "TRUNCATE audit_anchor",
        "ALTER TABLE audit_anchor DISABLE TRIGGER ALL",
        "INSERT INTO migrations_audit VALUES ('x', 'y')",
        "DELETE FROM migrations_audit",
        "CREATE TABLE public.mine (id int)",
        "DROP SCHEMA public CASCADE",
        "CREATE EXTENSION dblink",
    ];

    private static async Task RefusedAsync(Database<AuditContext> role, string attack, ThreeRoles audit)
    {
        attack = attack.Replace("ROLE owner", $"ROLE \"{ThreeRoles.NameOf(audit.Roles.Owner!)}\"", StringComparison.Ordinal)
            .Replace("AUTHORIZATION owner", $"AUTHORIZATION \"{ThreeRoles.NameOf(audit.Roles.Owner!)}\"", StringComparison.Ordinal);
        await using var context = role.Read();
        await context.Database.OpenConnectionAsync(Cancellation);
        await using var command = context.Database.GetDbConnection().CreateCommand();
        command.CommandText = attack;
        var before = await audit.StateAsync();
        try
        {
            await command.ExecuteNonQueryAsync(Cancellation);
            // Who may grant nothing gets a warning alone.
            Assert.True(attack.StartsWith("GRANT", StringComparison.Ordinal), $"not refused: {attack}");
        }
        catch (PostgresException e)
        {
            Assert.Contains(e.SqlState, (string[])[PostgresErrorCodes.InsufficientPrivilege, PostgresErrorCodes.IntegrityConstraintViolation]);
        }

        Assert.Equal(before, await audit.StateAsync());
    }
}
