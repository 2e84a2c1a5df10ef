using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>The first schema on SQLite; times are whole microseconds since 1970.</summary>
[DbContext(typeof(SqliteStoreContext))]
[Migration("20260101000000_Initial")]
internal sealed class SqliteInitial : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            CREATE TABLE sources (
                id TEXT NOT NULL CONSTRAINT pk_sources PRIMARY KEY,
                uid TEXT NOT NULL,
                url TEXT NOT NULL,
                ref TEXT NOT NULL,
                description TEXT,
                owner TEXT,
                include TEXT,
                exclude TEXT,
                poll_interval_seconds INTEGER NOT NULL,
                polling TEXT NOT NULL,
                pause_reason TEXT,
                webhook_auth TEXT NOT NULL,
                version INTEGER NOT NULL,
                created_at INTEGER NOT NULL,
                updated_at INTEGER NOT NULL
            );

            CREATE TABLE source_labels (
                source_id TEXT NOT NULL,
                key TEXT NOT NULL,
                value TEXT NOT NULL,
                CONSTRAINT pk_source_labels PRIMARY KEY (source_id, key),
                CONSTRAINT fk_source_labels_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_source_labels_key_value ON source_labels (key, value);

            CREATE TABLE credentials (
                source_id TEXT NOT NULL CONSTRAINT pk_credentials PRIMARY KEY,
                type TEXT NOT NULL,
                encrypted BLOB NOT NULL,
                authority TEXT NOT NULL,
                updated_at INTEGER NOT NULL,
                CONSTRAINT fk_credentials_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE webhook_secrets (
                source_id TEXT NOT NULL CONSTRAINT pk_webhook_secrets PRIMARY KEY,
                token_hash BLOB NOT NULL,
                created_at INTEGER NOT NULL,
                previous_token_hash BLOB,
                previous_valid_until INTEGER,
                CONSTRAINT fk_webhook_secrets_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE wakeups (
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
                CONSTRAINT fk_wakeups_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_wakeups_leased_host ON wakeups (host) WHERE lease_until IS NOT NULL;
            CREATE INDEX ix_wakeups_next_poll_at ON wakeups (next_poll_at);
            CREATE INDEX ix_wakeups_waiting_for_host ON wakeups (host, asked_at) WHERE waiting_for_host;
            CREATE INDEX ix_wakeups_unfinished ON wakeups (asked_at) WHERE wanted > done;

            CREATE TABLE deliveries (
                id TEXT NOT NULL CONSTRAINT pk_deliveries PRIMARY KEY,
                sequence INTEGER NOT NULL,
                source_id TEXT NOT NULL,
                received_at INTEGER NOT NULL,
                provider TEXT NOT NULL,
                event TEXT,
                verdict TEXT NOT NULL,
                reason TEXT,
                remote_ip TEXT,
                signed_by TEXT,
                replay_of TEXT,
                ask INTEGER,
                result TEXT,
                run_id TEXT,
                CONSTRAINT fk_deliveries_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_deliveries_run_id ON deliveries (run_id);
            CREATE INDEX ix_deliveries_source_id_ask ON deliveries (source_id, ask);
            CREATE UNIQUE INDEX ix_deliveries_source_id_sequence ON deliveries (source_id, sequence);

            CREATE TABLE check_requests (
                id TEXT NOT NULL CONSTRAINT pk_check_requests PRIMARY KEY,
                source_id TEXT NOT NULL,
                actor TEXT NOT NULL,
                requested_at INTEGER NOT NULL,
                ask INTEGER NOT NULL,
                run_id TEXT,
                CONSTRAINT fk_check_requests_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_check_requests_run_id ON check_requests (run_id);
            CREATE INDEX ix_check_requests_source_id_ask ON check_requests (source_id, ask);

            CREATE TABLE sweeps (
                source_id TEXT NOT NULL,
                config INTEGER NOT NULL,
                sha TEXT NOT NULL,
                author TEXT NOT NULL,
                subject TEXT NOT NULL,
                committed_at INTEGER NOT NULL,
                parents TEXT NOT NULL,
                swept_at INTEGER NOT NULL,
                CONSTRAINT pk_sweeps PRIMARY KEY (source_id, config, sha),
                CONSTRAINT fk_sweeps_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE runs (
                id TEXT NOT NULL CONSTRAINT pk_runs PRIMARY KEY,
                sequence INTEGER NOT NULL,
                source_id TEXT NOT NULL,
                trigger TEXT NOT NULL,
                covers_poll INTEGER NOT NULL,
                outcome TEXT NOT NULL,
                recovered_after_failures INTEGER NOT NULL,
                ref TEXT NOT NULL,
                previous_sha TEXT,
                sha TEXT,
                forced INTEGER NOT NULL,
                reused INTEGER NOT NULL,
                commit_author TEXT,
                commit_subject TEXT,
                committed_at INTEGER,
                changes_json TEXT NOT NULL,
                changes_truncated INTEGER NOT NULL,
                added INTEGER NOT NULL,
                modified INTEGER NOT NULL,
                removed INTEGER NOT NULL,
                requested_at INTEGER NOT NULL,
                started_at INTEGER NOT NULL,
                completed_at INTEGER NOT NULL,
                queue_ms REAL NOT NULL,
                tip_ms REAL NOT NULL,
                fetch_ms REAL NOT NULL,
                store_ms REAL NOT NULL,
                error_code TEXT,
                error_detail TEXT,
                error_remedy TEXT,
                audit_id INTEGER,
                CONSTRAINT fk_runs_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE UNIQUE INDEX ix_runs_source_id_sequence ON runs (source_id, sequence);

            CREATE TABLE events (
                sequence INTEGER NOT NULL CONSTRAINT pk_events PRIMARY KEY,
                kind TEXT NOT NULL,
                source_id TEXT NOT NULL,
                run_id TEXT,
                change TEXT,
                occurred_at INTEGER NOT NULL
            );

            CREATE TABLE snapshots (
                source_id TEXT NOT NULL,
                config INTEGER NOT NULL,
                sha TEXT NOT NULL,
                manifest BLOB NOT NULL,
                files INTEGER NOT NULL,
                bytes INTEGER NOT NULL,
                visible INTEGER NOT NULL,
                stored_at INTEGER NOT NULL,
                CONSTRAINT pk_snapshots PRIMARY KEY (source_id, config, sha),
                CONSTRAINT fk_snapshots_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE blobs (
                source_id TEXT NOT NULL,
                object_id TEXT NOT NULL,
                content_id TEXT NOT NULL,
                size INTEGER NOT NULL,
                stored_at INTEGER NOT NULL,
                CONSTRAINT pk_blobs PRIMARY KEY (source_id, object_id),
                CONSTRAINT fk_blobs_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE blob_chunks (
                content_id TEXT NOT NULL,
                place INTEGER NOT NULL,
                source_id TEXT NOT NULL,
                data BLOB NOT NULL,
                CONSTRAINT pk_blob_chunks PRIMARY KEY (content_id, place),
                CONSTRAINT fk_blob_chunks_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_blob_chunks_source_id ON blob_chunks (source_id);

            CREATE TABLE outbox (
                id TEXT NOT NULL CONSTRAINT pk_outbox PRIMARY KEY,
                type TEXT NOT NULL,
                payload TEXT NOT NULL,
                created_at INTEGER NOT NULL,
                attempts INTEGER NOT NULL,
                next_attempt_at INTEGER NOT NULL
            );
            CREATE INDEX ix_outbox_next_attempt_at ON outbox (next_attempt_at);

            CREATE TABLE sequences (
                name TEXT NOT NULL CONSTRAINT pk_sequences PRIMARY KEY,
                value INTEGER NOT NULL
            );

            CREATE TABLE poll_budget (
                id INTEGER NOT NULL CONSTRAINT pk_poll_budget PRIMARY KEY,
                tokens REAL NOT NULL,
                computed_at INTEGER NOT NULL
            );

            CREATE TABLE api_tokens (
                id TEXT NOT NULL CONSTRAINT pk_api_tokens PRIMARY KEY,
                name TEXT NOT NULL,
                hash BLOB NOT NULL,
                role TEXT NOT NULL,
                sources_json TEXT,
                labels_json TEXT,
                created_at INTEGER NOT NULL,
                expires_at INTEGER,
                last_used_at INTEGER
            );
            CREATE UNIQUE INDEX ix_api_tokens_hash ON api_tokens (hash);
            CREATE UNIQUE INDEX ix_api_tokens_name ON api_tokens (name);

            CREATE TABLE service_instances (
                id TEXT NOT NULL CONSTRAINT pk_service_instances PRIMARY KEY,
                service TEXT NOT NULL,
                started_at INTEGER NOT NULL,
                seen_at INTEGER NOT NULL
            );

            -- Rows that are only ever updated, so that whoever needs them can lock them.
            INSERT INTO sequences (name, value) VALUES ('events', 0), ('deliveries', 0);
            INSERT INTO poll_budget (id, tokens, computed_at) VALUES (1, 1, 0);
            """);
}
