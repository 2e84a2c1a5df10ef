using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>What is needed to notice, and to make good, that a database was restored from a backup, on PostgreSQL.</summary>
[DbContext(typeof(PostgresStoreContext))]
[Migration("20261122070000_Restoring")]
internal sealed class PostgresRestoring : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            CREATE TABLE recorded_messages (
                id uuid NOT NULL,
                audit_id bigint NOT NULL,
                type text NOT NULL,
                payload text NOT NULL,
                created_at timestamptz NOT NULL,
                recorded_at timestamptz NOT NULL,
                CONSTRAINT pk_recorded_messages PRIMARY KEY (id)
            );
            CREATE INDEX ix_recorded_messages_audit_id ON recorded_messages (audit_id);
            CREATE INDEX ix_recorded_messages_recorded_at ON recorded_messages (recorded_at);
            -- Restoring the store's last number needs it, and so does forgetting what the audit log has forgotten.
            CREATE INDEX ix_runs_audit_id ON runs (audit_id);

            CREATE TABLE store_mark (
                id integer NOT NULL,
                mark text,
                CONSTRAINT pk_store_mark PRIMARY KEY (id)
            );
            INSERT INTO store_mark (id) VALUES (1);
            -- A dump holds how it is computed, not what it holds: each restore gives it another value.
            CREATE MATERIALIZED VIEW store_copy AS SELECT gen_random_uuid()::text AS mark;
            """);
}
