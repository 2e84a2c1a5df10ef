using Ampora.Audit.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Audit.Migrations;

/// <summary>
/// Lets the oldest entries be retired, as the log itself declares and not otherwise, on PostgreSQL; the same as <see cref="SqliteRetention"/>. A process
/// of the release before appends as it did.
/// </summary>
[DbContext(typeof(PostgresAuditContext))]
[Migration("20260301000000_Retention")]
internal sealed class PostgresRetention : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(
            """
            CREATE TABLE audit_anchor (
                id integer NOT NULL CONSTRAINT pk_audit_anchor PRIMARY KEY,
                last_id bigint NOT NULL,
                hash bytea NOT NULL
            );
            INSERT INTO audit_anchor (id, last_id, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));
            """);

        // The role that retires may move the anchor and nothing else: what that removes, and whether it may, is decided here, with the rights of the
        // owner of the tables. Thirty days are the least that Ampora__Retention__AuditDays takes: nobody but the owner removes a younger entry.
        migrationBuilder.Sql(
            """
            CREATE FUNCTION audit_entries_keep() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' AND OLD.audit_id <= (SELECT a.last_id FROM audit_anchor a WHERE a.id = 1) THEN
                    RETURN OLD;
                END IF;
                RAISE EXCEPTION 'the audit log is append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
            END $$;

            CREATE FUNCTION audit_anchor_forward() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            DECLARE
                declaration record;
            BEGIN
                SELECT e.audit_id, e.detail INTO declaration FROM audit_entries e
                WHERE e.action = 'audit.retired' AND e.actor = 'system' AND e.subject = 'audit' ORDER BY e.audit_id DESC LIMIT 1;
                IF NEW.id <> OLD.id OR NEW.last_id <= OLD.last_id OR declaration.audit_id IS NULL OR NEW.last_id >= declaration.audit_id
                    OR (declaration.detail::jsonb ->> 'through')::bigint IS DISTINCT FROM NEW.last_id
                    OR declaration.detail::jsonb ->> 'hash' IS DISTINCT FROM encode(NEW.hash, 'hex')
                    OR NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.audit_id = NEW.last_id AND e.hash = NEW.hash) THEN
                    RAISE EXCEPTION 'the anchor of the audit log only moves to what the newest audit.retired entry declares' USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                IF EXISTS (SELECT 1 FROM audit_entries e WHERE e.audit_id <= NEW.last_id AND e.recorded_at > clock_timestamp() - interval '30 days') THEN
                    RAISE EXCEPTION 'an audit entry younger than 30 days is not retired' USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
            END $$;

            CREATE FUNCTION audit_anchor_retire() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                DELETE FROM audit_entries e WHERE e.audit_id <= (SELECT a.last_id FROM audit_anchor a WHERE a.id = 1);
                RETURN NULL;
            END $$;

            CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_entries_keep();
            DROP TRIGGER audit_entries_append_only ON audit_entries;
            CREATE TRIGGER audit_anchor_stays BEFORE INSERT OR DELETE ON audit_anchor FOR EACH ROW EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_anchor_no_truncate BEFORE TRUNCATE ON audit_anchor FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_anchor_moves_forward BEFORE UPDATE ON audit_anchor FOR EACH ROW EXECUTE FUNCTION audit_anchor_forward();
            CREATE TRIGGER audit_anchor_retires AFTER UPDATE ON audit_anchor FOR EACH ROW EXECUTE FUNCTION audit_anchor_retire();
            """);

        // A session finds its own temporary tables first, so one called audit_entries would be read in place of the log
        // (https://www.postgresql.org/docs/15/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY): the guards look there last. Nor may anybody hang
        // a guard that runs with the owner's rights on a table of their own.
        migrationBuilder.Sql(
            """
            DO $$
            DECLARE
                guard text;
            BEGIN
                FOREACH guard IN ARRAY ARRAY['audit_refuse', 'audit_entries_link', 'audit_head_forward', 'audit_entries_keep', 'audit_anchor_forward', 'audit_anchor_retire'] LOOP
                    EXECUTE format('ALTER FUNCTION %I() SET search_path TO pg_catalog, %I, pg_temp', guard, current_schema());
                    EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', guard);
                END LOOP;
            END $$;
            """);
    }
}
