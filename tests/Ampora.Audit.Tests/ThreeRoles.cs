using Ampora.Audit.Model;
using Ampora.Audit.Retention;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Ampora.Audit.Tests;

/// <summary>An audit database with an owner, a writer and a retention role of its own, made as docs/deploy.md says.</summary>
internal sealed class ThreeRoles : IAsyncDisposable
{
    private readonly Dictionary<DatabaseAddress, Database<AuditContext>> _open = [];
    private readonly List<string> _names = [];

    private ThreeRoles(TestAudit all) => All = all;

    public AuditRoles Roles { get; private set; } = null!;

    public DatabaseAddress Superuser => All.Address;

    public Database<AuditContext> Writer => Open(Roles.Writer);

    public Database<AuditContext> Retention => Open(Roles.Retention!);

    private TestAudit All { get; }

    public static async Task<ThreeRoles> CreateAsync(PostgresServer postgres)
    {
        var audit = new ThreeRoles(await TestAudit.CreateAsync(postgres, DatabaseDialect.Postgres, migrated: false));
        var (owner, writer, retention) = (await audit.AddRoleAsync("owner"), await audit.AddRoleAsync("writer"), await audit.AddRoleAsync("retention"));
        audit.Roles = new AuditRoles(writer, owner, retention);
        var database = new NpgsqlConnectionStringBuilder(owner.ConnectionString).Database;
        await audit.AsSuperuserAsync($"ALTER DATABASE {database} OWNER TO \"{NameOf(owner)}\"; REVOKE CONNECT ON DATABASE {database} FROM PUBLIC");
        return audit;
    }

    public static string NameOf(DatabaseAddress role) => new NpgsqlConnectionStringBuilder(role.ConnectionString).Username!;

    public static DatabaseAddress As(DatabaseAddress role, string name) =>
        role with { ConnectionString = new NpgsqlConnectionStringBuilder(role.ConnectionString) { Username = name }.ToString() };

    public Task MigrateAsync(AuditRoles? roles = null, int auditDays = 0) =>
        new AuditMigration(roles ?? Roles, Options.Create(new AuditRetentionSettings { AuditDays = auditDays }), TimeProvider.System).MigrateAsync(TestContext.Current.CancellationToken);

    public async Task<DatabaseAddress> AddRoleAsync(string name)
    {
        // Roles are the server's, and servers are shared by tests.
        name = $"{name} {Guid.NewGuid():n}";
        await AsSuperuserAsync($"CREATE ROLE {Quoted(name)} LOGIN PASSWORD 'secret'");
        _names.Add(name);
        return All.Address with { ConnectionString = new NpgsqlConnectionStringBuilder(All.Address.ConnectionString) { Username = name, Password = "secret", MaxPoolSize = 10 }.ToString() };
    }

    public async Task AsSuperuserAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(All.Address.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public Task AppendOldAsync(int entries) => All.AppendOldAsync(entries, days: 90);

    public EntryRetirement Retirement() => new(Writer, new RetentionDatabase(Retention, IsOwn: true));

    public async Task<(bool Ok, long Entries)> VerifiedAsync()
    {
        var verification = await new Chain.ChainVerifier(Writer, null, new TestAudit.Silent<Chain.ChainVerifier>()).VerifyAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        return (verification.Ok, verification.Entries);
    }

    public async Task<string> HashOfAsync(long id)
    {
        await using var context = Writer.Read();
        return Convert.ToHexStringLower((await context.Entries.SingleAsync(e => e.AuditId == id, TestContext.Current.CancellationToken)).Hash);
    }

    /// <summary>All that an attack could have changed.</summary>
    public async Task<string> StateAsync()
    {
        await using var context = Open(All.Address).Read();
        return await context.Database.SqlQueryRaw<string>(
            """
            SELECT concat_ws(';', (SELECT string_agg(e::text, '|' ORDER BY audit_id) FROM public.audit_entries e), (SELECT string_agg(h::text, '|') FROM public.audit_head h),
                (SELECT string_agg(a::text, '|') FROM public.audit_anchor a),
                (SELECT string_agg(relname || relacl::text, '|' ORDER BY relname) FROM pg_class WHERE relname LIKE 'audit%'),
                (SELECT string_agg(tgname || tgenabled::text, '|' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal)) AS "Value"
            """).SingleAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _open.Values)
            await database.DisposeAsync();
        var roles = string.Join(", ", _names.Select(Quoted));
        await AsSuperuserAsync($"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), current_user); END $$; REASSIGN OWNED BY {roles} TO CURRENT_USER; DROP OWNED BY {roles} CASCADE; DROP ROLE {roles}");
        await All.DisposeAsync();
    }

    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private Database<AuditContext> Open(DatabaseAddress role)
    {
        if (!_open.TryGetValue(role, out var database))
            _open.Add(role, database = AuditDatabase.Open(role, TimeProvider.System));
        return database;
    }
}
