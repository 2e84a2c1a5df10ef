using Ampora.Audit.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Audit.Migrations;

/// <summary>The log and its guards on SQLite; the same as <see cref="PostgresInitial"/>.</summary>
[DbContext(typeof(SqliteAuditContext))]
[Migration("20260101000000_Initial")]
internal sealed class SqliteInitial : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.Sql(
            """
            CREATE TABLE audit_entries (
                audit_id INTEGER NOT NULL CONSTRAINT pk_audit_entries PRIMARY KEY,
                message_id TEXT NOT NULL,
                occurred_at INTEGER NOT NULL,
                recorded_at INTEGER NOT NULL,
                actor TEXT NOT NULL,
                action TEXT NOT NULL,
                subject TEXT NOT NULL,
                remote_ip TEXT,
                count INTEGER NOT NULL,
                run_id TEXT,
                detail TEXT NOT NULL,
                previous_hash BLOB NOT NULL,
                hash BLOB NOT NULL
            ) STRICT;
            CREATE UNIQUE INDEX ix_audit_entries_message_id ON audit_entries (message_id);
            CREATE INDEX ix_audit_entries_actor_audit_id ON audit_entries (actor, audit_id);
            CREATE INDEX ix_audit_entries_action_audit_id ON audit_entries (action, audit_id);
            CREATE INDEX ix_audit_entries_subject_audit_id ON audit_entries (subject, audit_id);
            CREATE INDEX ix_audit_entries_occurred_at ON audit_entries (occurred_at);

            CREATE TABLE audit_head (
                id INTEGER NOT NULL CONSTRAINT pk_audit_head PRIMARY KEY,
                last_id INTEGER NOT NULL,
                hash BLOB NOT NULL
            ) STRICT;
            INSERT INTO audit_head (id, last_id, hash) VALUES (1, 0, zeroblob(32));
            """);

        // INSERT OR REPLACE deletes without firing a trigger for DELETE, so the trigger for INSERT refuses a message id that is there
        // (https://www.sqlite.org/lang_conflict.html).
        migrationBuilder.Sql(
            """
            CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: UPDATE on audit_entries refused'); END;

            CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: DELETE on audit_entries refused'); END;

            CREATE TRIGGER audit_entries_linked BEFORE INSERT ON audit_entries
            WHEN NEW.audit_id <> coalesce((SELECT max(e.audit_id) FROM audit_entries e), 0) + 1
                OR NEW.previous_hash <> coalesce((SELECT e.hash FROM audit_entries e ORDER BY e.audit_id DESC LIMIT 1), zeroblob(32))
                OR EXISTS (SELECT 1 FROM audit_entries e WHERE e.message_id = NEW.message_id)
            BEGIN SELECT RAISE(ABORT, 'an audit entry does not follow the last one'); END;

            CREATE TRIGGER audit_head_no_insert BEFORE INSERT ON audit_head
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: INSERT on audit_head refused'); END;

            CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head
            BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: DELETE on audit_head refused'); END;

            CREATE TRIGGER audit_head_moves_forward BEFORE UPDATE ON audit_head
            WHEN NEW.id <> OLD.id OR NEW.last_id <= OLD.last_id
                OR NOT EXISTS (SELECT 1 FROM audit_entries e WHERE e.audit_id = NEW.last_id AND e.hash = NEW.hash)
            BEGIN SELECT RAISE(ABORT, 'the head of the audit log only moves forward to an entry'); END;
            """);
    }
}
