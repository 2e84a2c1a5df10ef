using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>Every Git host's webhook, on SQLite.</summary>
/// <remarks>
/// SQLite changes neither a key nor a column's nullability, so three tables are written anew. No other table refers to them, so that nothing is deleted with
/// the old ones. https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
/// </remarks>
[DbContext(typeof(SqliteStoreContext))]
[Migration("20261121000000_Webhooks")]
internal sealed class SqliteWebhooks : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            ALTER TABLE sources ADD COLUMN repository_key TEXT;
            ALTER TABLE sources ADD COLUMN bitbucket_server_key TEXT;
            CREATE INDEX ix_sources_repository_key ON sources (repository_key);
            CREATE INDEX ix_sources_bitbucket_server_key ON sources (bitbucket_server_key);

            -- Until now there were only tokens, and of a token only the hash is kept.
            CREATE TABLE webhook_secrets_of_this_release (
                source_id TEXT NOT NULL CONSTRAINT pk_webhook_secrets PRIMARY KEY,
                auth TEXT NOT NULL,
                secret_hash BLOB,
                secret_encrypted BLOB,
                username TEXT,
                created_at INTEGER NOT NULL,
                used_at INTEGER,
                previous_auth TEXT,
                previous_secret_hash BLOB,
                previous_secret_encrypted BLOB,
                previous_username TEXT,
                previous_valid_until INTEGER,
                previous_used_at INTEGER,
                CONSTRAINT fk_webhook_secrets_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            INSERT INTO webhook_secrets_of_this_release (source_id, auth, secret_hash, created_at, previous_auth, previous_secret_hash, previous_valid_until)
            SELECT source_id, 'token', token_hash, created_at, CASE WHEN previous_token_hash IS NOT NULL THEN 'token' END, previous_token_hash, previous_valid_until
            FROM webhook_secrets;
            DROP TABLE webhook_secrets;
            ALTER TABLE webhook_secrets_of_this_release RENAME TO webhook_secrets;

            CREATE TABLE shared_webhook_secrets (
                name TEXT NOT NULL CONSTRAINT pk_shared_webhook_secrets PRIMARY KEY,
                provider TEXT NOT NULL,
                prefix TEXT NOT NULL,
                auth TEXT NOT NULL,
                secret_hash BLOB,
                secret_encrypted BLOB,
                username TEXT,
                created_at INTEGER NOT NULL,
                used_at INTEGER,
                previous_auth TEXT,
                previous_secret_hash BLOB,
                previous_secret_encrypted BLOB,
                previous_username TEXT,
                previous_valid_until INTEGER,
                previous_used_at INTEGER,
                version INTEGER NOT NULL
            );

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
                CONSTRAINT fk_wakeups_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            INSERT INTO wakeups_of_this_release (
                source_id, wanted, done, wanted_webhook, wanted_manual, asked_at, asked_since_claim_at, lease_owner, lease_until, fence,
                config, secret_version, paused, host, waiting_for_host, not_before, not_before_set_at, retry_after_until,
                poll_interval_seconds, next_poll_at, woken_at, tip_sha, tip_config, tip_seen_at, last_checked_at, last_succeeded_at,
                failures, failure_run_id, error_code, error_detail, error_remedy, run_count,
                base_poll_interval_seconds, adaptive, last_webhook_at, missed_in_row, missed_total)
            SELECT
                source_id, wanted, done, wanted_webhook, wanted_manual, asked_at, asked_since_claim_at, lease_owner, lease_until, fence,
                config, secret_version, paused, host, waiting_for_host, not_before, not_before_set_at, retry_after_until,
                poll_interval_seconds, next_poll_at, woken_at, tip_sha, tip_config, tip_seen_at, last_checked_at, last_succeeded_at,
                failures, failure_run_id, error_code, error_detail, error_remedy, run_count,
                poll_interval_seconds,
                (SELECT polling = 'adaptive' FROM sources WHERE sources.id = source_id),
                (SELECT max(received_at) FROM deliveries AS d WHERE d.source_id = wakeups.source_id),
                0, 0
            FROM wakeups;
            DROP TABLE wakeups;
            ALTER TABLE wakeups_of_this_release RENAME TO wakeups;
            CREATE INDEX ix_wakeups_leased_host ON wakeups (host) WHERE lease_until IS NOT NULL;
            CREATE INDEX ix_wakeups_next_poll_at ON wakeups (next_poll_at);
            CREATE INDEX ix_wakeups_waiting_for_host ON wakeups (host, asked_at) WHERE waiting_for_host;
            CREATE INDEX ix_wakeups_unfinished ON wakeups (asked_at) WHERE wanted > done;

            CREATE TABLE deliveries_of_this_release (
                id TEXT NOT NULL,
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
                sender_delivery_id TEXT,
                announced_sha TEXT,
                secret_name TEXT,
                refs TEXT,
                CONSTRAINT pk_deliveries PRIMARY KEY (source_id, id),
                CONSTRAINT fk_deliveries_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            INSERT INTO deliveries_of_this_release (
                id, sequence, source_id, received_at, provider, event, verdict, reason, remote_ip, signed_by, replay_of, ask, result, run_id)
            SELECT
                id, sequence, source_id, received_at, provider, event, verdict, reason, remote_ip, signed_by, replay_of, ask, result, run_id
            FROM deliveries;
            DROP TABLE deliveries;
            ALTER TABLE deliveries_of_this_release RENAME TO deliveries;
            CREATE INDEX ix_deliveries_run_id ON deliveries (run_id);
            CREATE INDEX ix_deliveries_sequence ON deliveries (sequence);
            CREATE INDEX ix_deliveries_source_id_ask ON deliveries (source_id, ask);
            CREATE INDEX ix_deliveries_source_id_sender_delivery_id ON deliveries (source_id, sender_delivery_id);
            CREATE UNIQUE INDEX ix_deliveries_source_id_sequence ON deliveries (source_id, sequence);

            CREATE TABLE turned_away (
                id TEXT NOT NULL CONSTRAINT pk_turned_away PRIMARY KEY,
                kind TEXT NOT NULL,
                sequence INTEGER NOT NULL,
                source_id TEXT,
                first_at INTEGER NOT NULL,
                received_at INTEGER NOT NULL,
                provider TEXT NOT NULL,
                event TEXT,
                verdict TEXT NOT NULL,
                reason TEXT NOT NULL,
                detail TEXT,
                remote_ip TEXT,
                refs TEXT,
                repository TEXT,
                count INTEGER NOT NULL,
                CONSTRAINT fk_turned_away_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE UNIQUE INDEX ix_turned_away_kind ON turned_away (kind);
            CREATE UNIQUE INDEX ix_turned_away_sequence ON turned_away (sequence);
            CREATE INDEX ix_turned_away_source_id_sequence ON turned_away (source_id, sequence);

            ALTER TABLE check_requests ADD COLUMN delivery_id TEXT;

            CREATE TABLE unannounced (
                source_id TEXT NOT NULL,
                sha TEXT NOT NULL,
                found_at INTEGER NOT NULL,
                run_id TEXT NOT NULL,
                CONSTRAINT pk_unannounced PRIMARY KEY (source_id, sha, found_at),
                CONSTRAINT fk_unannounced_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_unannounced_found_at ON unannounced (found_at);
            """);
}
