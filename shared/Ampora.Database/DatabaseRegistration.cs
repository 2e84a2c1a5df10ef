using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace Ampora.Database;

/// <summary>Makes <see cref="Database{TContext}"/> from an address and one context type for each dialect.</summary>
public static class DatabaseRegistration
{
    // A statement that takes longer than this is stuck; the hot ones take milliseconds, migrations set their own.
    private const int CommandTimeoutSeconds = 10;

    /// <summary>Makes a database; nothing is opened yet.</summary>
    /// <param name="address">Which database, and where.</param>
    /// <param name="time">The process's clock.</param>
    /// <param name="postgres">Makes the PostgreSQL context from its options.</param>
    /// <param name="sqlite">Makes the SQLite context from its options.</param>
    public static Database<TContext> Create<TContext>(
        DatabaseAddress address,
        TimeProvider time,
        Func<DbContextOptions, TContext> postgres,
        Func<DbContextOptions, TContext> sqlite)
        where TContext : DbContext
    {
        // Migrations are written by hand, without the snapshot that the tooling would compare with; a test compares the databases instead.
        static void Quiet(DbContextOptionsBuilder options) => options.ConfigureWarnings(warnings =>
            warnings.Ignore(RelationalEventId.PendingModelChangesWarning));

        if (address.Dialect == DatabaseDialect.Postgres)
        {
            var source = new NpgsqlDataSourceBuilder(address.ConnectionString).Build();
            var options = new DbContextOptionsBuilder();
            options.UseNpgsql(source, npgsql => npgsql.CommandTimeout(CommandTimeoutSeconds));
            Quiet(options);
            return new Database<TContext>(address.Dialect, time, () => postgres(options.Options), source);
        }
        else
        {
            var connection = new SqliteConnectionStringBuilder(address.ConnectionString) { ForeignKeys = true, DefaultTimeout = CommandTimeoutSeconds };
            var options = new DbContextOptionsBuilder();
            options.UseSqlite(connection.ToString(), lite => lite.CommandTimeout(CommandTimeoutSeconds));
            options.AddInterceptors(new SqliteDurability());
            Quiet(options);
            return new Database<TContext>(address.Dialect, time, () => sqlite(options.Options), pool: null);
        }
    }
}
