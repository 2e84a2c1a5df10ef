using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>The first schema on PostgreSQL.</summary>
[DbContext(typeof(PostgresStoreContext))]
[Migration("20260101000000_Initial")]
internal sealed class PostgresInitial : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            CREATE TABLE sources (
                id text NOT NULL,
                uid uuid NOT NULL,
                url text NOT NULL,
                ref text NOT NULL,
                description text,
                owner text,
                include text,
                exclude text,
                poll_interval_seconds integer NOT NULL,
                polling text NOT NULL,
                pause_reason text,
                webhook_auth text NOT NULL,
                version bigint NOT NULL,
                created_at timestamptz NOT NULL,
                updated_at timestamptz NOT NULL,
                CONSTRAINT pk_sources PRIMARY KEY (id)
            );

            CREATE TABLE source_labels (
                source_id text NOT NULL,
                key text NOT NULL,
                value text NOT NULL,
                CONSTRAINT pk_source_labels PRIMARY KEY (source_id, key),
                CONSTRAINT fk_source_labels_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_source_labels_key_value ON source_labels (key, value);

            CREATE TABLE credentials (
                source_id text NOT NULL,
                type text NOT NULL,
                encrypted bytea NOT NULL,
                authority text NOT NULL,
                updated_at timestamptz NOT NULL,
                CONSTRAINT pk_credentials PRIMARY KEY (source_id),
                CONSTRAINT fk_credentials_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE webhook_secrets (
                source_id text NOT NULL,
                token_hash bytea NOT NULL,
                created_at timestamptz NOT NULL,
                previous_token_hash bytea,
                previous_valid_until timestamptz,
                CONSTRAINT pk_webhook_secrets PRIMARY KEY (source_id),
                CONSTRAINT fk_webhook_secrets_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE wakeups (
                source_id text NOT NULL,
                wanted bigint NOT NULL,
                done bigint NOT NULL,
                wanted_webhook bigint NOT NULL,
                wanted_manual bigint NOT NULL,
                asked_at timestamptz,
                asked_since_claim_at timestamptz,
                lease_owner text,
                lease_until timestamptz,
                fence bigint NOT NULL,
                config bigint NOT NULL,
                secret_version bigint NOT NULL,
                paused boolean NOT NULL,
                host text NOT NULL,
                waiting_for_host boolean NOT NULL,
                not_before timestamptz,
                not_before_set_at timestamptz,
                retry_after_until timestamptz,
                poll_interval_seconds integer NOT NULL,
                next_poll_at timestamptz NOT NULL,
                woken_at timestamptz,
                tip_sha text,
                tip_config bigint,
                tip_seen_at timestamptz,
                last_checked_at timestamptz,
                last_succeeded_at timestamptz,
                failures integer NOT NULL,
                failure_run_id text,
                error_code text,
                error_detail text,
                error_remedy text,
                run_count bigint NOT NULL,
                CONSTRAINT pk_wakeups PRIMARY KEY (source_id),
                CONSTRAINT fk_wakeups_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            )
            -- Each check updates its row several times: room in the page keeps the versions together.
            WITH (fillfactor = 60);
            CREATE INDEX ix_wakeups_leased_host ON wakeups (host) WHERE lease_until IS NOT NULL;
            CREATE INDEX ix_wakeups_next_poll_at ON wakeups (next_poll_at);
            CREATE INDEX ix_wakeups_waiting_for_host ON wakeups (host, asked_at) WHERE waiting_for_host;
            CREATE INDEX ix_wakeups_unfinished ON wakeups (asked_at) WHERE wanted > done;

            CREATE TABLE deliveries (
                id text NOT NULL,
                sequence bigint NOT NULL,
                source_id text NOT NULL,
                received_at timestamptz NOT NULL,
                provider text NOT NULL,
                event text,
                verdict text NOT NULL,
                reason text,
                remote_ip text,
                signed_by text,
                replay_of text,
                ask bigint,
                result text,
                run_id text,
                CONSTRAINT pk_deliveries PRIMARY KEY (id),
                CONSTRAINT fk_deliveries_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_deliveries_run_id ON deliveries (run_id);
            CREATE INDEX ix_deliveries_source_id_ask ON deliveries (source_id, ask);
            CREATE UNIQUE INDEX ix_deliveries_source_id_sequence ON deliveries (source_id, sequence);

            CREATE TABLE check_requests (
                id text NOT NULL,
                source_id text NOT NULL,
                actor text NOT NULL,
                requested_at timestamptz NOT NULL,
                ask bigint NOT NULL,
                run_id text,
                CONSTRAINT pk_check_requests PRIMARY KEY (id),
                CONSTRAINT fk_check_requests_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_check_requests_run_id ON check_requests (run_id);
            CREATE INDEX ix_check_requests_source_id_ask ON check_requests (source_id, ask);

            CREATE TABLE sweeps (
                source_id text NOT NULL,
                config bigint NOT NULL,
                sha text NOT NULL,
                author text NOT NULL,
                subject text NOT NULL,
                committed_at timestamptz NOT NULL,
                parents text NOT NULL,
                swept_at timestamptz NOT NULL,
                CONSTRAINT pk_sweeps PRIMARY KEY (source_id, config, sha),
                CONSTRAINT fk_sweeps_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE runs (
                id text NOT NULL,
                sequence bigint NOT NULL,
                source_id text NOT NULL,
                trigger text NOT NULL,
                covers_poll boolean NOT NULL,
                outcome text NOT NULL,
                recovered_after_failures integer NOT NULL,
                ref text NOT NULL,
                previous_sha text,
                sha text,
                forced boolean NOT NULL,
                reused boolean NOT NULL,
                commit_author text,
                commit_subject text,
                committed_at timestamptz,
                changes_json text NOT NULL,
                changes_truncated boolean NOT NULL,
                added integer NOT NULL,
                modified integer NOT NULL,
                removed integer NOT NULL,
                requested_at timestamptz NOT NULL,
                started_at timestamptz NOT NULL,
                completed_at timestamptz NOT NULL,
                queue_ms double precision NOT NULL,
                tip_ms double precision NOT NULL,
                fetch_ms double precision NOT NULL,
                store_ms double precision NOT NULL,
                error_code text,
                error_detail text,
                error_remedy text,
                audit_id bigint,
                CONSTRAINT pk_runs PRIMARY KEY (id),
                CONSTRAINT fk_runs_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE UNIQUE INDEX ix_runs_source_id_sequence ON runs (source_id, sequence);

            CREATE TABLE events (
                sequence bigint NOT NULL,
                kind text NOT NULL,
                source_id text NOT NULL,
                run_id text,
                change text,
                occurred_at timestamptz NOT NULL,
                CONSTRAINT pk_events PRIMARY KEY (sequence)
            );

            CREATE TABLE snapshots (
                source_id text NOT NULL,
                config bigint NOT NULL,
                sha text NOT NULL,
                manifest bytea NOT NULL,
                files integer NOT NULL,
                bytes bigint NOT NULL,
                visible boolean NOT NULL,
                stored_at timestamptz NOT NULL,
                CONSTRAINT pk_snapshots PRIMARY KEY (source_id, config, sha),
                CONSTRAINT fk_snapshots_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE blobs (
                source_id text NOT NULL,
                object_id text NOT NULL,
                content_id uuid NOT NULL,
                size bigint NOT NULL,
                stored_at timestamptz NOT NULL,
                CONSTRAINT pk_blobs PRIMARY KEY (source_id, object_id),
                CONSTRAINT fk_blobs_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );

            CREATE TABLE blob_chunks (
                content_id uuid NOT NULL,
                place integer NOT NULL,
                source_id text NOT NULL,
                data bytea NOT NULL,
                CONSTRAINT pk_blob_chunks PRIMARY KEY (content_id, place),
                CONSTRAINT fk_blob_chunks_sources FOREIGN KEY (source_id) REFERENCES sources (id) ON DELETE CASCADE
            );
            CREATE INDEX ix_blob_chunks_source_id ON blob_chunks (source_id);

            CREATE TABLE outbox (
                id uuid NOT NULL,
                type text NOT NULL,
                payload text NOT NULL,
                created_at timestamptz NOT NULL,
                attempts integer NOT NULL,
                next_attempt_at timestamptz NOT NULL,
                CONSTRAINT pk_outbox PRIMARY KEY (id)
            );
            CREATE INDEX ix_outbox_next_attempt_at ON outbox (next_attempt_at);

            CREATE TABLE sequences (
                name text NOT NULL,
                value bigint NOT NULL,
                CONSTRAINT pk_sequences PRIMARY KEY (name)
            );

            CREATE TABLE poll_budget (
                id integer NOT NULL,
                tokens double precision NOT NULL,
                computed_at timestamptz NOT NULL,
                CONSTRAINT pk_poll_budget PRIMARY KEY (id)
            );

            CREATE TABLE api_tokens (
                id text NOT NULL,
                name text NOT NULL,
                hash bytea NOT NULL,
                role text NOT NULL,
                sources_json text,
                labels_json text,
                created_at timestamptz NOT NULL,
                expires_at timestamptz,
                last_used_at timestamptz,
                CONSTRAINT pk_api_tokens PRIMARY KEY (id)
            );
            CREATE UNIQUE INDEX ix_api_tokens_hash ON api_tokens (hash);
            CREATE UNIQUE INDEX ix_api_tokens_name ON api_tokens (name);

            CREATE TABLE service_instances (
                id text NOT NULL,
                service text NOT NULL,
                started_at timestamptz NOT NULL,
                seen_at timestamptz NOT NULL,
                CONSTRAINT pk_service_instances PRIMARY KEY (id)
            );

            -- Rows that are only ever updated, so that whoever needs them can lock them.
            INSERT INTO sequences (name, value) VALUES ('events', 0), ('deliveries', 0);
            INSERT INTO poll_budget (id, tokens, computed_at) VALUES (1, 1, to_timestamp(0));
            """);
}
