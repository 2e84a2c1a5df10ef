using Ampora.Store.Model;
using Ampora.Store.Sql;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Ampora.Store;

/// <summary>The EF Core model of everything but the audit log. One derived type for each dialect carries its migrations.</summary>
public abstract class StoreContext(DbContextOptions options) : DbContext(options)
{
    /// <summary>Sources.</summary>
    public DbSet<Source> Sources => Set<Source>();

    /// <summary>Labels of sources.</summary>
    public DbSet<SourceLabel> SourceLabels => Set<SourceLabel>();

    /// <summary>Git credentials, encrypted.</summary>
    public DbSet<Credential> Credentials => Set<Credential>();

    /// <summary>Secrets of webhooks.</summary>
    public DbSet<WebhookSecret> WebhookSecrets => Set<WebhookSecret>();

    /// <summary>Secrets of organisations' webhooks.</summary>
    public DbSet<SharedWebhookSecret> SharedWebhookSecrets => Set<SharedWebhookSecret>();

    /// <summary>Wake-up rows, for reading.</summary>
    public DbSet<Wakeup> Wakeups => Set<Wakeup>();

    /// <summary>Webhook deliveries.</summary>
    public DbSet<DeliveryRow> Deliveries => Set<DeliveryRow>();

    /// <summary>Deliveries that were refused or that nothing matched.</summary>
    public DbSet<TurnedAwayRow> TurnedAway => Set<TurnedAwayRow>();

    /// <summary>Commits that polls found, until they are judged.</summary>
    public DbSet<UnannouncedRow> Unannounced => Set<UnannouncedRow>();

    /// <summary>Operators' requests for checks.</summary>
    public DbSet<CheckRequest> CheckRequests => Set<CheckRequest>();

    /// <summary>Trees fetched once.</summary>
    public DbSet<Sweep> Sweeps => Set<Sweep>();

    /// <summary>Runs.</summary>
    public DbSet<RunRow> Runs => Set<RunRow>();

    /// <summary>Events of the live view.</summary>
    public DbSet<EventRow> Events => Set<EventRow>();

    /// <summary>Stored trees.</summary>
    public DbSet<Snapshot> Snapshots => Set<Snapshot>();

    /// <summary>Stored blobs.</summary>
    public DbSet<Blob> Blobs => Set<Blob>();

    /// <summary>Pieces of blobs.</summary>
    public DbSet<BlobChunk> BlobChunks => Set<BlobChunk>();

    /// <summary>Messages not yet acknowledged.</summary>
    public DbSet<OutboxRow> Outbox => Set<OutboxRow>();

    /// <summary>Messages that Audit has recorded.</summary>
    public DbSet<RecordedRow> Recorded => Set<RecordedRow>();

    /// <summary>Which copy of the database this was.</summary>
    public DbSet<StoreMark> Marks => Set<StoreMark>();

    /// <summary>Counters in commit order.</summary>
    public DbSet<SequenceRow> Sequences => Set<SequenceRow>();

    /// <summary>The polls' budget.</summary>
    public DbSet<PollBudget> PollBudgets => Set<PollBudget>();

    /// <summary>API tokens.</summary>
    public DbSet<ApiToken> ApiTokens => Set<ApiToken>();

    /// <summary>Running processes.</summary>
    public DbSet<ServiceInstance> ServiceInstances => Set<ServiceInstance>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Source>(source =>
        {
            source.ToTable("sources").HasKey(s => s.Id);
            source.HasIndex(s => s.RepositoryKey);
            source.HasIndex(s => s.BitbucketServerKey);
            source.HasMany(s => s.Labels).WithOne().HasForeignKey(l => l.SourceId).OnDelete(DeleteBehavior.Cascade);
            source.HasOne(s => s.Credential).WithOne().HasForeignKey<Credential>(c => c.SourceId).OnDelete(DeleteBehavior.Cascade);
            source.HasOne(s => s.WebhookSecret).WithOne().HasForeignKey<WebhookSecret>(w => w.SourceId).OnDelete(DeleteBehavior.Cascade);
            source.HasOne(s => s.Wakeup).WithOne().HasForeignKey<Wakeup>(w => w.SourceId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<SourceLabel>(label =>
        {
            label.ToTable("source_labels").HasKey(l => new { l.SourceId, l.Key });
            label.HasIndex(l => new { l.Key, l.Value });
        });
        modelBuilder.Entity<Credential>().ToTable("credentials").HasKey(c => c.SourceId);
        modelBuilder.Entity<WebhookSecret>().ToTable("webhook_secrets").HasKey(w => w.SourceId);
        modelBuilder.Entity<SharedWebhookSecret>().ToTable("shared_webhook_secrets").HasKey(w => w.Name);
        modelBuilder.Entity<Wakeup>(wakeup =>
        {
            wakeup.ToTable("wakeups").HasKey(w => w.SourceId);
            wakeup.HasIndex(w => w.NextPollAt);
            wakeup.HasIndex(w => w.AskedAt).HasFilter("wanted > done").HasDatabaseName("ix_wakeups_unfinished");
            wakeup.HasIndex(w => new { w.Host, w.Remote }).HasFilter("lease_until IS NOT NULL").HasDatabaseName("ix_wakeups_leased_host");
            wakeup.HasIndex(w => w.Remote).HasFilter("wanted > done").HasDatabaseName("ix_wakeups_unfinished_remote");
            wakeup.HasIndex(w => new { w.Host, w.AskedAt }).HasFilter("waiting_for_host").HasDatabaseName("ix_wakeups_waiting_for_host");
        });
        modelBuilder.Entity<DeliveryRow>(delivery =>
        {
            delivery.ToTable("deliveries").HasKey(d => new { d.SourceId, d.Id });
            delivery.HasIndex(d => d.Sequence);
            delivery.HasIndex(d => new { d.SourceId, d.SenderDeliveryId });
            delivery.HasIndex(d => new { d.SourceId, d.Sequence }).IsUnique();
            delivery.HasIndex(d => new { d.SourceId, d.Ask });
            delivery.HasIndex(d => d.RunId);
            BelongsToSource(delivery);
        });
        modelBuilder.Entity<TurnedAwayRow>(row =>
        {
            row.ToTable("turned_away").HasKey(t => t.Id);
            row.HasIndex(t => t.Kind).IsUnique();
            row.HasIndex(t => t.Sequence).IsUnique();
            row.HasIndex(t => new { t.SourceId, t.Sequence });
            BelongsToSource(row);
        });
        modelBuilder.Entity<UnannouncedRow>(found =>
        {
            found.ToTable("unannounced").HasKey(u => new { u.SourceId, u.Sha, u.FoundAt });
            found.HasIndex(u => u.FoundAt);
            BelongsToSource(found);
        });
        modelBuilder.Entity<CheckRequest>(request =>
        {
            request.ToTable("check_requests").HasKey(r => r.Id);
            request.HasIndex(r => new { r.SourceId, r.Ask });
            request.HasIndex(r => r.RunId);
            BelongsToSource(request);
        });
        modelBuilder.Entity<Sweep>(sweep =>
        {
            sweep.ToTable("sweeps").HasKey(s => new { s.SourceId, s.Config, s.Sha });
            BelongsToSource(sweep);
        });
        modelBuilder.Entity<RunRow>(run =>
        {
            run.ToTable("runs").HasKey(r => r.Id);
            run.HasIndex(r => new { r.SourceId, r.Sequence }).IsUnique();
            run.HasIndex(r => r.AuditId);
            BelongsToSource(run);
        });
        modelBuilder.Entity<EventRow>(entry =>
        {
            entry.ToTable("events").HasKey(e => e.Sequence);
            entry.Property(e => e.Sequence).ValueGeneratedNever();
        });
        modelBuilder.Entity<Snapshot>(snapshot =>
        {
            snapshot.ToTable("snapshots").HasKey(s => new { s.SourceId, s.Config, s.Sha });
            snapshot.HasIndex(s => s.ManifestId);
            BelongsToSource(snapshot);
        });
        modelBuilder.Entity<Blob>(blob =>
        {
            blob.ToTable("blobs").HasKey(b => new { b.SourceId, b.ObjectId });
            blob.HasIndex(b => b.ContentId);
            BelongsToSource(blob);
        });
        modelBuilder.Entity<BlobChunk>(chunk =>
        {
            chunk.ToTable("blob_chunks").HasKey(c => new { c.ContentId, c.Place });
            BelongsToSource(chunk);
            chunk.HasIndex(c => new { c.SourceId, c.ContentId });
        });
        modelBuilder.Entity<OutboxRow>(message =>
        {
            message.ToTable("outbox").HasKey(o => o.Id);
            message.HasIndex(o => o.NextAttemptAt);
        });
        modelBuilder.Entity<RecordedRow>(message =>
        {
            message.ToTable("recorded_messages").HasKey(r => r.Id);
            message.HasIndex(r => r.AuditId);
            message.HasIndex(r => r.RecordedAt);
        });
        modelBuilder.Entity<StoreMark>(mark =>
        {
            mark.ToTable("store_mark").HasKey(m => m.Id);
            mark.Property(m => m.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<SequenceRow>().ToTable("sequences").HasKey(s => s.Name);
        modelBuilder.Entity<PollBudget>(budget =>
        {
            budget.ToTable("poll_budget").HasKey(b => b.Id);
            budget.Property(b => b.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<ApiToken>(token =>
        {
            token.ToTable("api_tokens").HasKey(t => t.Id);
            token.HasIndex(t => t.Name).IsUnique();
            token.HasIndex(t => t.Hash).IsUnique();
        });
        modelBuilder.Entity<ServiceInstance>().ToTable("service_instances").HasKey(i => i.Id);

        // Both databases and the SQL by hand use the same names: snake_case.
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
                property.SetColumnName(SnakeCase(property.Name));
            foreach (var key in entity.GetKeys())
                key.SetName($"pk_{entity.GetTableName()}");
            foreach (var index in entity.GetIndexes())
                index.SetDatabaseName(index.GetFilter() is null
                    ? $"ix_{entity.GetTableName()}_{string.Join('_', index.Properties.Select(p => SnakeCase(p.Name)))}"
                    : index.GetDatabaseName());
            foreach (var foreign in entity.GetForeignKeys())
                foreign.SetConstraintName($"fk_{entity.GetTableName()}_{foreign.PrincipalEntityType.GetTableName()}");
        }
    }

    private static void BelongsToSource<T>(Microsoft.EntityFrameworkCore.Metadata.Builders.EntityTypeBuilder<T> entity)
        where T : class =>
        entity.HasOne<Source>().WithMany().HasForeignKey("SourceId").OnDelete(DeleteBehavior.Cascade);

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));
}

/// <summary>The model on PostgreSQL.</summary>
public sealed class PostgresStoreContext(DbContextOptions options) : StoreContext(options);

/// <summary>The model on SQLite: times are whole microseconds since 1970, so that they sort and compare.</summary>
public sealed class SqliteStoreContext(DbContextOptions options, TimeProvider? time = null) : StoreContext(options)
{
    /// <summary>SQLite's clock is the process's.</summary>
    internal TimeProvider Time { get; } = time ?? TimeProvider.System;

    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<MicrosecondsConverter>();

    private sealed class MicrosecondsConverter() : ValueConverter<DateTimeOffset, long>(
        time => UnixMicroseconds.From(time), micros => UnixMicroseconds.ToTime(micros));
}
