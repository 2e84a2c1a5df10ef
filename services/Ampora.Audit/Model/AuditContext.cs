using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Ampora.Audit.Model;

/// <summary>The EF Core model of the audit log. One derived type for each dialect carries its migrations.</summary>
internal abstract class AuditContext(DbContextOptions options) : DbContext(options)
{
    /// <summary>The entries.</summary>
    public DbSet<AuditEntryRow> Entries => Set<AuditEntryRow>();

    /// <summary>The end of the chain.</summary>
    public DbSet<AuditHead> Heads => Set<AuditHead>();

    /// <summary>The beginning of the chain.</summary>
    public DbSet<AuditAnchor> Anchors => Set<AuditAnchor>();

    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<AuditEntryRow>(entry =>
        {
            entry.ToTable("audit_entries").HasKey(e => e.AuditId);
            entry.Property(e => e.AuditId).ValueGeneratedNever();
            entry.HasIndex(e => e.MessageId).IsUnique();
            // Each filter together with the order of the pages.
            entry.HasIndex(e => new { e.Actor, e.AuditId });
            entry.HasIndex(e => new { e.Action, e.AuditId });
            entry.HasIndex(e => new { e.Subject, e.AuditId });
            entry.HasIndex(e => e.OccurredAt);
        });
        modelBuilder.Entity<AuditHead>(head =>
        {
            head.ToTable("audit_head").HasKey(h => h.Id);
            head.Property(h => h.Id).ValueGeneratedNever();
        });
        modelBuilder.Entity<AuditAnchor>(anchor =>
        {
            anchor.ToTable("audit_anchor").HasKey(a => a.Id);
            anchor.Property(a => a.Id).ValueGeneratedNever();
        });

        // Both databases and the SQL by hand use the same names: snake_case.
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
                property.SetColumnName(SnakeCase(property.Name));
            foreach (var key in entity.GetKeys())
                key.SetName($"pk_{entity.GetTableName()}");
            foreach (var index in entity.GetIndexes())
                index.SetDatabaseName($"ix_{entity.GetTableName()}_{string.Join('_', index.Properties.Select(p => SnakeCase(p.Name)))}");
        }
    }

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "_") + char.ToLowerInvariant(c) : c.ToString()));
}

/// <summary>The model on PostgreSQL.</summary>
internal sealed class PostgresAuditContext(DbContextOptions options) : AuditContext(options)
{
    /// <inheritdoc/>
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        // Byte order, whatever the database's locale: the range of "noun.*" and its index depend on it.
        modelBuilder.Entity<AuditEntryRow>(entry =>
        {
            entry.Property(e => e.Actor).UseCollation("C");
            entry.Property(e => e.Action).UseCollation("C");
            entry.Property(e => e.Subject).UseCollation("C");
        });
    }
}

/// <summary>The model on SQLite: times are whole microseconds since 1970, so that they sort and compare.</summary>
internal sealed class SqliteAuditContext(DbContextOptions options) : AuditContext(options)
{
    /// <inheritdoc/>
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UnixMicroseconds>();

    private sealed class UnixMicroseconds() : ValueConverter<DateTimeOffset, long>(
        time => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond,
        micros => new DateTimeOffset((micros * TimeSpan.TicksPerMicrosecond) + DateTimeOffset.UnixEpoch.Ticks, TimeSpan.Zero));
}
