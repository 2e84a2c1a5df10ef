using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>Every Git host's webhook, on PostgreSQL.</summary>
/// <remarks>
/// A column with a constant default, or with none, is added without the table being written. What is written has one row for each source; what is read through,
/// to build its new key, is the ledger, which retention keeps small.
/// </remarks>
[DbContext(typeof(PostgresStoreContext))]
[Migration("20261121000000_Webhooks")]
internal sealed class PostgresWebhooks : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            ALTER TABLE sources ADD COLUMN repository_key text, ADD COLUMN bitbucket_server_key text;
            CREATE INDEX ix_sources_repository_key ON sources (repository_key);
            CREATE INDEX ix_sources_bitbucket_server_key ON sources (bitbucket_server_key);

            -- Until now there were only tokens, and of a token only the hash is kept.
            ALTER TABLE webhook_secrets
                ADD COLUMN auth text NOT NULL DEFAULT 'token',
                ADD COLUMN secret_encrypted bytea,
                ADD COLUMN username text,
                ADD COLUMN used_at timestamptz,
                ADD COLUMN previous_auth text,
                ADD COLUMN previous_secret_encrypted bytea,
                ADD COLUMN previous_username text,
                ADD COLUMN previous_used_at timestamptz;
            ALTER TABLE webhook_secrets ALTER COLUMN auth DROP DEFAULT, ALTER COLUMN token_hash DROP NOT NULL;
            ALTER TABLE webhook_secrets RENAME COLUMN token_hash TO secret_hash;
            ALTER TABLE webhook_secrets RENAME COLUMN previous_token_hash TO previous_secret_hash;
            UPDATE webhook_secrets SET previous_auth = 'token' WHERE previous_secret_hash IS NOT NULL;

            CREATE TABLE shared_webhook_secrets (
                name text NOT NULL,
                provider text NOT NULL,
                prefix text NOT NULL,
                auth text NOT NULL,
                secret_hash bytea,
                secret_encrypted bytea,
                username text,
                created_at timestamptz NOT NULL,
                used_at timestamptz,
                previous_auth text,
                previous_secret_hash bytea,
                previous_secret_encrypted bytea,
                previous_username text,
                previous_valid_until timestamptz,
                previous_used_at timestamptz,
                version bigint NOT NULL,
                CONSTRAINT pk_shared_webhook_secrets PRIMARY KEY (name)
            );

            ALTER TABLE deliveries
                ADD COLUMN sender_delivery_id text,
                ADD COLUMN announced_sha text,
                ADD COLUMN secret_name text,
                ADD COLUMN refs text,
                DROP CONSTRAINT pk_deliveries,
                ADD CONSTRAINT pk_deliveries PRIMARY KEY (source_id, id);
            CREATE INDEX ix_deliveries_sequence ON deliveries (sequence);
            CREATE INDEX ix_deliveries_source_id_sender_delivery_id ON deliveries (source_id, sender_delivery_id);

            CREATE TABLE turned_away (
                id text NOT NULL,
                kind text NOT NULL,
                sequence bigint NOT NULL,
                source_id text,
                first_at timestamptz NOT NULL,
                received_at timestamptz NOT NULL,
                provider text NOT NULL,
                event text,
                verdict text NOT NULL,
                reason text NOT NULL,
                detail text,
                remote_ip text,
                refs text,
                repository text,
                count bigint NOT NULL,
                CONSTRAINT pk_turned_away PRIMARY KEY (id),
                CONSTRAINT fk_turned_away_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE UNIQUE INDEX ix_turned_away_kind ON turned_away (kind);
            CREATE UNIQUE INDEX ix_turned_away_sequence ON turned_away (sequence);
            CREATE INDEX ix_turned_away_source_id_sequence ON turned_away (source_id, sequence);

            ALTER TABLE check_requests ADD COLUMN delivery_id text;

            ALTER TABLE wakeups
                ADD COLUMN base_poll_interval_seconds integer NOT NULL DEFAULT 0,
                ADD COLUMN adaptive boolean NOT NULL DEFAULT FALSE,
                ADD COLUMN expected_sha text,
                ADD COLUMN expected_until timestamptz,
                ADD COLUMN reread_covers bigint,
                ADD COLUMN reread_at timestamptz,
                ADD COLUMN webhook_proved_at timestamptz,
                ADD COLUMN last_webhook_at timestamptz,
                ADD COLUMN missed_in_row integer NOT NULL DEFAULT 0,
                ADD COLUMN missed_total bigint NOT NULL DEFAULT 0;
            ALTER TABLE wakeups
                ALTER COLUMN base_poll_interval_seconds DROP DEFAULT,
                ALTER COLUMN adaptive DROP DEFAULT,
                ALTER COLUMN missed_in_row DROP DEFAULT,
                ALTER COLUMN missed_total DROP DEFAULT;
            UPDATE wakeups SET
                base_poll_interval_seconds = poll_interval_seconds,
                adaptive = (SELECT polling = 'adaptive' FROM sources WHERE sources.id = source_id),
                last_webhook_at = (SELECT max(received_at) FROM deliveries AS d WHERE d.source_id = wakeups.source_id);

            CREATE TABLE unannounced (
                source_id text NOT NULL,
                sha text NOT NULL,
                found_at timestamptz NOT NULL,
                run_id text NOT NULL,
                CONSTRAINT pk_unannounced PRIMARY KEY (source_id, sha, found_at),
                CONSTRAINT fk_unannounced_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_unannounced_found_at ON unannounced (found_at);
            """);
}
