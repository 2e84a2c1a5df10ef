using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;

namespace Ampora.Audit.Tests;

public sealed class MigrationSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Replicas_that_start_together_migrate_once(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect, migrated: false);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => audit.Open().MigrateAsync(Cancellation), Cancellation)));

        await audit.AppendAsync(2);
        Assert.True((await audit.VerifyAsync()).Ok);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_migrated_database_is_the_one_that_the_model_describes(DatabaseDialect dialect)
    {
        await using var migrated = await TestAudit.CreateAsync(postgres, dialect);
        await using var modelled = await TestAudit.CreateAsync(postgres, dialect, migrated: false);
        await using (var context = modelled.Open().Read())
            await context.GetService<IRelationalDatabaseCreator>().CreateTablesAsync(Cancellation);

        Assert.Equal(await DescribeAsync(modelled), await DescribeAsync(migrated));
    }

    /// <summary>Columns with type, nullability and collation, and indexes with their columns, a line each.</summary>
    private static async Task<IReadOnlyList<string>> DescribeAsync(TestAudit audit)
    {
        var sql = audit.Address.Dialect == DatabaseDialect.Postgres
            ? """
              SELECT concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, co.collname) AS "Value"
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_collation co ON co.oid = a.attcollation
              WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'audit%'
              UNION ALL
              SELECT concat_ws(' ', indexdef, con.conname) FROM pg_indexes i LEFT JOIN pg_constraint con ON con.conname = i.indexname
              WHERE i.schemaname = 'public' AND i.tablename LIKE 'audit%'
              """
            : """
              SELECT t.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk AS "Value"
              FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name LIKE 'audit%'
              UNION ALL
              SELECT t.name || ' ' || i.name || ' ' || i."unique" || ' ' || x.seqno || ' ' || x.name
              FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) x WHERE t.type = 'table' AND t.name LIKE 'audit%'
              """;
        await using var context = audit.Open().Read();
        var lines = await context.Database.SqlQueryRaw<string>(sql).ToListAsync(Cancellation);
        Assert.True(lines.Count > 15);
        return [.. lines.Order(StringComparer.Ordinal)];
    }
}
