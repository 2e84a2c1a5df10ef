using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>Every kind of source, and snapshots that are kept for a time, on SQLite.</summary>
/// <remarks>
/// SQLite adds no column that is never null and has no default, so three tables are written anew: wake-ups, commits that wait to be judged, and snapshots, whose
/// manifests become pieces, as blobs are. No other table refers to them. https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
/// </remarks>
[DbContext(typeof(SqliteStoreContext))]
[Migration("20261122000000_GitEngine")]
internal sealed class SqliteGitEngine : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            ALTER TABLE sources ADD COLUMN allowed_signers TEXT;
            ALTER TABLE credentials ADD COLUMN fingerprint TEXT;
            ALTER TABLE credentials ADD COLUMN ca_digest TEXT;

            CREATE TABLE wakeups_of_this_release (
                source_id TEXT NOT NULL CONSTRAINT pk_wakeups PRIMARY KEY,
                wanted INTEGER NOT NULL,
                done INTEGER NOT NULL,
                wanted_webhook INTEGER NOT NULL,
                wanted_manual INTEGER NOT NULL,
                asked_at INTEGER,
                asked_since_claim_at INTEGER,
                lease_owner TEXT,
                lease_until INTEGER,
                fence INTEGER NOT NULL,
                config INTEGER NOT NULL,
                secret_version INTEGER NOT NULL,
                paused INTEGER NOT NULL,
                host TEXT NOT NULL,
                waiting_for_host INTEGER NOT NULL,
                not_before INTEGER,
                not_before_set_at INTEGER,
                retry_after_until INTEGER,
                poll_interval_seconds INTEGER NOT NULL,
                base_poll_interval_seconds INTEGER NOT NULL,
                adaptive INTEGER NOT NULL,
                next_poll_at INTEGER NOT NULL,
                woken_at INTEGER,
                tip_sha TEXT,
                tip_config INTEGER,
                tip_seen_at INTEGER,
                last_checked_at INTEGER,
                last_succeeded_at INTEGER,
                failures INTEGER NOT NULL,
                failure_run_id TEXT,
                error_code TEXT,
                error_detail TEXT,
                error_remedy TEXT,
                run_count INTEGER NOT NULL,
                expected_sha TEXT,
                expected_until INTEGER,
                reread_covers INTEGER,
                reread_at INTEGER,
                webhook_proved_at INTEGER,
                last_webhook_at INTEGER,
                missed_in_row INTEGER NOT NULL,
                missed_total INTEGER NOT NULL,
                remote TEXT NOT NULL,
                tip_ref TEXT,
                moved_to TEXT,
                skipped_sha TEXT,
                skipped_previous_sha TEXT,
                skipped_at INTEGER,
                skipped_total INTEGER NOT NULL,
                CONSTRAINT fk_wakeups_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            INSERT INTO wakeups_of_this_release (
                source_id, wanted, done, wanted_webhook, wanted_manual, asked_at, asked_since_claim_at, lease_owner, lease_until, fence, config,
                secret_version, paused, host, waiting_for_host, not_before, not_before_set_at, retry_after_until, poll_interval_seconds,
                base_poll_interval_seconds, adaptive, next_poll_at, woken_at, tip_sha, tip_config, tip_seen_at, last_checked_at, last_succeeded_at,
                failures, failure_run_id, error_code, error_detail, error_remedy, run_count, expected_sha, expected_until, reread_covers, reread_at,
                webhook_proved_at, last_webhook_at, missed_in_row, missed_total,
                remote, skipped_total)
            SELECT
                source_id, wanted, done, wanted_webhook, wanted_manual, asked_at, asked_since_claim_at, lease_owner, lease_until, fence, config,
                secret_version, paused, host, waiting_for_host, not_before, not_before_set_at, retry_after_until, poll_interval_seconds,
                base_poll_interval_seconds, adaptive, next_poll_at, woken_at, tip_sha, tip_config, tip_seen_at, last_checked_at, last_succeeded_at,
                failures, failure_run_id, error_code, error_detail, error_remedy, run_count, expected_sha, expected_until, reread_covers, reread_at,
                webhook_proved_at, last_webhook_at, missed_in_row, missed_total,
                (SELECT url FROM sources WHERE sources.id = source_id), 0
            FROM wakeups;
            DROP TABLE wakeups;
            ALTER TABLE wakeups_of_this_release RENAME TO wakeups;
            CREATE INDEX ix_wakeups_leased_host ON wakeups (host, remote) WHERE lease_until IS NOT NULL;
            CREATE INDEX ix_wakeups_next_poll_at ON wakeups (next_poll_at);
            CREATE INDEX ix_wakeups_unfinished_remote ON wakeups (remote) WHERE wanted > done;
            CREATE INDEX ix_wakeups_waiting_for_host ON wakeups (host, asked_at) WHERE waiting_for_host;
            CREATE INDEX ix_wakeups_unfinished ON wakeups (asked_at) WHERE wanted > done;

            -- A commit that makes no run may have been found by a poll, too.
            CREATE TABLE unannounced_of_this_release (
                source_id TEXT NOT NULL,
                sha TEXT NOT NULL,
                found_at INTEGER NOT NULL,
                run_id TEXT,
                CONSTRAINT pk_unannounced PRIMARY KEY (source_id, sha, found_at),
                CONSTRAINT fk_unannounced_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            INSERT INTO unannounced_of_this_release (source_id, sha, found_at, run_id) SELECT source_id, sha, found_at, run_id FROM unannounced;
            DROP TABLE unannounced;
            ALTER TABLE unannounced_of_this_release RENAME TO unannounced;
            CREATE INDEX ix_unannounced_found_at ON unannounced (found_at);

            CREATE TABLE snapshots_of_this_release (
                source_id TEXT NOT NULL,
                config INTEGER NOT NULL,
                sha TEXT NOT NULL,
                manifest_id TEXT NOT NULL,
                files INTEGER NOT NULL,
                bytes INTEGER NOT NULL,
                visible INTEGER NOT NULL,
                stored_at INTEGER NOT NULL,
                CONSTRAINT pk_snapshots PRIMARY KEY (source_id, config, sha),
                CONSTRAINT fk_snapshots_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            -- A UUID of version 7 that begins with the time 0, since the pieces are old by now, as .NET writes it to SQLite: 8-4-4-4-12 upper-case digits.
            INSERT INTO snapshots_of_this_release (source_id, config, sha, manifest_id, files, bytes, visible, stored_at)
            SELECT source_id, config, sha,
                '00000000-0000-7' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)),
                files, bytes, visible, stored_at
            FROM snapshots;
            WITH RECURSIVE pieces (source_id, config, sha, place, size) AS (
                SELECT source_id, config, sha, 0, length(manifest) FROM snapshots
                UNION ALL
                SELECT source_id, config, sha, place + 1, size FROM pieces WHERE (place + 1) * 1048576 < size)
            INSERT INTO blob_chunks (content_id, place, source_id, data)
            SELECT n.manifest_id, p.place, p.source_id, substr(o.manifest, p.place * 1048576 + 1, 1048576)
            FROM pieces AS p
            JOIN snapshots AS o ON o.source_id = p.source_id AND o.config = p.config AND o.sha = p.sha
            JOIN snapshots_of_this_release AS n ON n.source_id = p.source_id AND n.config = p.config AND n.sha = p.sha;
            DROP TABLE snapshots;
            ALTER TABLE snapshots_of_this_release RENAME TO snapshots;
            CREATE INDEX ix_snapshots_manifest_id ON snapshots (manifest_id);
            CREATE INDEX ix_blobs_content_id ON blobs (content_id);
            DROP INDEX ix_blob_chunks_source_id;
            CREATE INDEX ix_blob_chunks_source_id_content_id ON blob_chunks (source_id, content_id);
            """);
}
