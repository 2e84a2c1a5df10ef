using Ampora.Audit.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Audit.Migrations;

/// <summary>Lets the oldest entries be retired, as the log itself declares and not otherwise, on SQLite; the same as <see cref="PostgresRetention"/>.</summary>
[DbContext(typeof(SqliteAuditContext))]
[Migration("20260301000000_Retention")]
internal sealed class SqliteRetention : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
        """
        CREATE TABLE audit_anchor (
            id INTEGER NOT NULL CONSTRAINT pk_audit_anchor PRIMARY KEY,
            last_id INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        INSERT INTO audit_anchor (id, last_id, hash) VALUES (1, 0, zeroblob(32));

        DROP TRIGGER audit_entries_no_delete;
        CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
        WHEN OLD.audit_id > coalesce((SELECT a.last_id FROM audit_anchor a WHERE a.id = 1), 0)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: DELETE on audit_entries refused'); END;

        CREATE TRIGGER audit_anchor_no_insert BEFORE INSERT ON audit_anchor
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: INSERT on audit_anchor refused'); END;

        CREATE TRIGGER audit_anchor_no_delete BEFORE DELETE ON audit_anchor
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: DELETE on audit_anchor refused'); END;

        CREATE TRIGGER audit_anchor_moves_forward BEFORE UPDATE ON audit_anchor
        WHEN NEW.id <> OLD.id OR NEW.last_id <= OLD.last_id
            OR NOT EXISTS (
                SELECT 1 FROM (
                    SELECT e.audit_id, e.detail FROM audit_entries e
                    WHERE e.action = 'audit.retired' AND e.actor = 'system' AND e.subject = 'audit' ORDER BY e.audit_id DESC LIMIT 1) declaration
                WHERE declaration.audit_id > NEW.last_id AND json_extract(declaration.detail, '$.through') = NEW.last_id
                    AND json_extract(declaration.detail, '$.hash') = lower(hex(NEW.hash)))
            OR NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.audit_id = NEW.last_id AND e.hash = NEW.hash)
        BEGIN SELECT RAISE(ABORT, 'the anchor of the audit log only moves to what the newest audit.retired entry declares'); END;

        CREATE TRIGGER audit_anchor_keeps_the_young BEFORE UPDATE ON audit_anchor
        WHEN EXISTS (
            SELECT 1 FROM audit_entries e
            WHERE e.audit_id <= NEW.last_id AND e.recorded_at > (CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400) * 1000000)
        BEGIN SELECT RAISE(ABORT, 'an audit entry younger than 30 days is not retired'); END;

        CREATE TRIGGER audit_anchor_retires AFTER UPDATE ON audit_anchor
        BEGIN DELETE FROM audit_entries WHERE audit_id <= NEW.last_id; END;
        """);
}
