using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>What is needed to notice, and to make good, that a database was restored from a backup, on SQLite.</summary>
[DbContext(typeof(SqliteStoreContext))]
[Migration("20261122070000_Restoring")]
internal sealed class SqliteRestoring : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            CREATE TABLE recorded_messages (
                id TEXT NOT NULL CONSTRAINT pk_recorded_messages PRIMARY KEY,
                audit_id INTEGER NOT NULL,
                type TEXT NOT NULL,
                payload TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                recorded_at INTEGER NOT NULL
            );
            CREATE INDEX ix_recorded_messages_audit_id ON recorded_messages (audit_id);
            CREATE INDEX ix_recorded_messages_recorded_at ON recorded_messages (recorded_at);
            CREATE INDEX ix_runs_audit_id ON runs (audit_id);

            CREATE TABLE store_mark (
                id INTEGER NOT NULL CONSTRAINT pk_store_mark PRIMARY KEY,
                mark TEXT
            );
            INSERT INTO store_mark (id) VALUES (1);
            """);
}
