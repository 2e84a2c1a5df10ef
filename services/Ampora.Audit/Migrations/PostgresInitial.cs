using Ampora.Audit.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Audit.Migrations;

/// <summary>The log and its guards on PostgreSQL; the same as <see cref="SqliteInitial"/>.</summary>
[DbContext(typeof(PostgresAuditContext))]
[Migration("20260101000000_Initial")]
internal sealed class PostgresInitial : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(
            """
            CREATE TABLE audit_entries (
                audit_id bigint NOT NULL CONSTRAINT pk_audit_entries PRIMARY KEY,
                message_id uuid NOT NULL,
                occurred_at timestamp with time zone NOT NULL,
                recorded_at timestamp with time zone NOT NULL,
                actor text COLLATE "C" NOT NULL,
                action text COLLATE "C" NOT NULL,
                subject text COLLATE "C" NOT NULL,
                remote_ip text,
                count bigint NOT NULL,
                run_id text,
                detail text NOT NULL,
                previous_hash bytea NOT NULL,
                hash bytea NOT NULL
            );
            CREATE UNIQUE INDEX ix_audit_entries_message_id ON audit_entries (message_id);
            CREATE INDEX ix_audit_entries_actor_audit_id ON audit_entries (actor, audit_id);
            CREATE INDEX ix_audit_entries_action_audit_id ON audit_entries (action, audit_id);
            CREATE INDEX ix_audit_entries_subject_audit_id ON audit_entries (subject, audit_id);
            CREATE INDEX ix_audit_entries_occurred_at ON audit_entries (occurred_at);

            CREATE TABLE audit_head (
                id integer NOT NULL CONSTRAINT pk_audit_head PRIMARY KEY,
                last_id bigint NOT NULL,
                hash bytea NOT NULL
            );
            INSERT INTO audit_head (id, last_id, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));
            """);

        // The database itself refuses what the service never does, so that neither a mistake nor an injected statement rewrites the record.
        migrationBuilder.Sql(
            """
            CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
            END $$;

            CREATE FUNCTION audit_entries_link() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                last_id bigint;
                last_hash bytea;
            BEGIN
                SELECT e.audit_id, e.hash INTO last_id, last_hash FROM audit_entries e ORDER BY e.audit_id DESC LIMIT 1;
                IF NEW.audit_id <> coalesce(last_id, 0) + 1 OR NEW.previous_hash <> coalesce(last_hash, decode(repeat('00', 32), 'hex')) THEN
                    RAISE EXCEPTION 'audit entry % does not follow entry %', NEW.audit_id, coalesce(last_id, 0) USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
            END $$;

            CREATE FUNCTION audit_head_forward() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.id <> OLD.id OR NEW.last_id <= OLD.last_id
                    OR NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.audit_id = NEW.last_id AND e.hash = NEW.hash) THEN
                    RAISE EXCEPTION 'the head of the audit log only moves forward to an entry' USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
            END $$;

            CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_entries_linked BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_entries_link();
            CREATE TRIGGER audit_head_stays BEFORE INSERT OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_head_moves_forward BEFORE UPDATE ON audit_head FOR EACH ROW EXECUTE FUNCTION audit_head_forward();
            """);
    }
}
