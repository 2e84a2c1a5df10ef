using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>Sources whose checks take long are known as such, on PostgreSQL.</summary>
[DbContext(typeof(PostgresStoreContext))]
[Migration("20261122060000_SlowSources")]
internal sealed class PostgresSlowSources : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("ALTER TABLE wakeups ADD COLUMN slow_until timestamptz;");
}
