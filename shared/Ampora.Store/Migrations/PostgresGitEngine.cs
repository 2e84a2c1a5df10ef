using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Migrations;

/// <summary>Every kind of source, and snapshots that are kept for a time, on PostgreSQL.</summary>
/// <remarks>
/// Manifests become pieces, as blobs are: each is written once more. Everything else that is written has one row for each source; what is read through, to build
/// an index, is the list of blobs, not their content.
/// </remarks>
[DbContext(typeof(PostgresStoreContext))]
[Migration("20261122000000_GitEngine")]
internal sealed class PostgresGitEngine : Migration
{
    /// <inheritdoc/>
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("""
            ALTER TABLE sources ADD COLUMN allowed_signers text;
            ALTER TABLE credentials ADD COLUMN fingerprint text, ADD COLUMN ca_digest text;

            ALTER TABLE wakeups
                ADD COLUMN remote text NOT NULL DEFAULT '',
                ADD COLUMN tip_ref text,
                ADD COLUMN moved_to text,
                ADD COLUMN skipped_sha text,
                ADD COLUMN skipped_previous_sha text,
                ADD COLUMN skipped_at timestamptz,
                ADD COLUMN skipped_total bigint NOT NULL DEFAULT 0;
            ALTER TABLE wakeups ALTER COLUMN remote DROP DEFAULT, ALTER COLUMN skipped_total DROP DEFAULT;
            UPDATE wakeups SET remote = (SELECT url FROM sources WHERE sources.id = source_id);
            DROP INDEX ix_wakeups_leased_host;
            CREATE INDEX ix_wakeups_leased_host ON wakeups (host, remote) WHERE lease_until IS NOT NULL;
            CREATE INDEX ix_wakeups_unfinished_remote ON wakeups (remote) WHERE wanted > done;

            -- A commit that makes no run may have been found by a poll, too.
            ALTER TABLE unannounced ALTER COLUMN run_id DROP NOT NULL;

            ALTER TABLE snapshots ADD COLUMN manifest_id uuid;
            -- A UUID of version 7 that begins with the time 0, since the pieces are old by now.
            UPDATE snapshots SET manifest_id = overlay(gen_random_uuid()::text PLACING '00000000-0000-7' FROM 1)::uuid;
            INSERT INTO blob_chunks (content_id, place, source_id, data)
            SELECT manifest_id, place, source_id, substring(manifest FROM place * 1048576 + 1 FOR 1048576)
            FROM snapshots, generate_series(0, (length(manifest) - 1) / 1048576) AS place;
            ALTER TABLE snapshots ALTER COLUMN manifest_id SET NOT NULL, DROP COLUMN manifest;
            CREATE INDEX ix_snapshots_manifest_id ON snapshots (manifest_id);
            CREATE INDEX ix_blobs_content_id ON blobs (content_id);
            DROP INDEX ix_blob_chunks_source_id;
            CREATE INDEX ix_blob_chunks_source_id_content_id ON blob_chunks (source_id, content_id);
            """);
}
