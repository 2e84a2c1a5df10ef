using System.Data.Common;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Ampora.Store.Tests;

public class MigrationSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_migrated_database_and_the_model_agree(DatabaseDialect dialect)
    {
        await using var migrated = await TestStore.CreateAsync(postgres, dialect);
        await using var modelled = await TestStore.CreateAsync(postgres, dialect, migrate: false);
        await using (var context = modelled.Database.Read())
            await context.Database.EnsureCreatedAsync(Token);

        var expected = await DescribeAsync(modelled);
        Assert.True(expected.Count > 200, "the description of the schema is too short to be true");
        Assert.Equal(expected, await DescribeAsync(migrated));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Four_replicas_migrate_at_once_and_the_rows_that_are_locked_are_there_once(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect, migrate: false);
        var replicas = Enumerable.Range(0, 4).Select(_ => StoreService.Open(store.Address, TimeProvider.System)).ToList();
        await Task.WhenAll(replicas.Select(replica => Task.Run(() => replica.MigrateAsync(Token), Token)));
        foreach (var replica in replicas)
            await replica.DisposeAsync();

        await using var context = store.Database.Read();
        Assert.Equal(["deliveries", "events"], await context.Sequences.Select(s => s.Name).Order().ToListAsync(Token));
        Assert.Equal(1, (await context.PollBudgets.SingleAsync(Token)).Id);
    }

    [Fact]
    public async Task Replicas_that_find_no_database_at_all_create_it_once()
    {
        var address = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync(Token));
        address.Database += "_later";
        var replicas = Enumerable.Range(0, 4)
            .Select(_ => StoreService.Open(new DatabaseAddress(DatabaseDialect.Postgres, address.ToString()), TimeProvider.System)).ToList();
        await Task.WhenAll(replicas.Select(replica => replica.MigrateAsync(Token)));
        await using (var context = replicas[0].Read())
            Assert.Equal(2, await context.Sequences.CountAsync(Token));
        foreach (var replica in replicas)
            await replica.DisposeAsync();
    }

    [Fact]
    public async Task A_migration_that_was_killed_does_not_stop_the_next_start()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        await using (var context = store.Database.Read())
        {
            // What EF Core leaves behind when its process is killed.
            await context.Database.ExecuteSqlAsync(
                $"CREATE TABLE IF NOT EXISTS __EFMigrationsLock (Id INTEGER NOT NULL PRIMARY KEY, Timestamp TEXT NOT NULL)", Token);
            await context.Database.ExecuteSqlAsync($"INSERT OR REPLACE INTO __EFMigrationsLock VALUES (1, '2026-01-01')", Token);
        }

        await store.Database.MigrateAsync(Token).WaitAsync(TimeSpan.FromSeconds(30), Token);
    }

    [Fact]
    public async Task Only_its_owner_may_read_a_SQLite_file()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var path = new Microsoft.Data.Sqlite.SqliteConnectionStringBuilder(store.Address.ConnectionString).DataSource;
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    private static async Task<List<string>> DescribeAsync(TestStore store)
    {
        await using var context = store.Database.Read();
        await context.Database.OpenConnectionAsync(Token);
        var connection = context.Database.GetDbConnection();
        return store.Address.Dialect == DatabaseDialect.Postgres ? await PostgresSchema(connection) : await SqliteSchema(connection);
    }

    private static Task<List<string>> PostgresSchema(DbConnection connection) => ReadAsync(connection, """
        SELECT 'column ' || c.table_name || '.' || c.column_name || ' ' || c.data_type || ' ' || c.is_nullable || ' ' || coalesce(c.column_default, '')
               || coalesce(c.collation_name, '') AS line
        FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name NOT LIKE 'migrations%'
        UNION ALL
        SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'migrations%'
        UNION ALL
        SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'migrations%'
        ORDER BY line
        """);

    private static Task<List<string>> SqliteSchema(DbConnection connection) => ReadAsync(connection, """
        WITH tables AS (SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'migrations%' AND name NOT LIKE '\_\_%' ESCAPE '\' AND name NOT LIKE 'sqlite%')
        SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk || ' ' || coalesce(c.dflt_value, '') AS line
        FROM tables t, pragma_table_info(t.name) c
        UNION ALL
        SELECT 'foreign key ' || t.name || ' ' || f.id || f.seq || ' ' || f."from" || ' → ' || f."table" || '.' || f."to" || ' ' || f.on_delete || ' ' || f.on_update
        FROM tables t, pragma_foreign_key_list(t.name) f
        UNION ALL
        SELECT 'index ' || t.name || ' ' || i.name || ' ' || i."unique" || ' ' || i.origin || ' ' || i.partial || ' '
               || (SELECT group_concat(x.name, ',') FROM pragma_index_info(i.name) x) || ' '
               || coalesce((SELECT substr(s.sql, instr(s.sql, 'WHERE')) FROM sqlite_schema s WHERE s.name = i.name AND i.partial), '')
        FROM tables t, pragma_index_list(t.name) i
        ORDER BY line
        """);

    private static async Task<List<string>> ReadAsync(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(Token);
        var lines = new List<string>();
        while (await reader.ReadAsync(Token))
            lines.Add(reader.GetString(0));
        return lines;
    }
}
