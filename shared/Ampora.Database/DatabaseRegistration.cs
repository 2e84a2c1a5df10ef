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

    // A process that stands still in the middle of a transaction, or whose machine has gone without a word, holds its locks no longer than this; between two
    // statements of a transaction nothing is waited for but the database, so that no living process comes near it.
    private const string Options = "-c idle_in_transaction_session_timeout=10s";

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
        // Store and Audit may share one database, so each keeps the list of its migrations under its own name.
        var history = $"migrations_{typeof(TContext).Name.Replace("Context", "", StringComparison.Ordinal).ToLowerInvariant()}";
        var options = new DbContextOptionsBuilder();
        // Migrations are written by hand, without the snapshot that the tooling would compare with; a test compares the databases instead.
        options.ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning));

        if (address.Dialect == DatabaseDialect.Postgres)
        {
            var connection = new NpgsqlDataSourceBuilder(address.ConnectionString);
            // "No Reset On Close" is what Npgsql is told behind a pooler that shares sessions, such as PgBouncer. That may refuse options too; there they are the
            // pooler's or the database role's to set.
            if (!connection.ConnectionStringBuilder.NoResetOnClose && string.IsNullOrEmpty(connection.ConnectionStringBuilder.Options))
                connection.ConnectionStringBuilder.Options = Options;
            var source = connection.Build();
            options.UseNpgsql(source, npgsql => npgsql.CommandTimeout(CommandTimeoutSeconds).MigrationsHistoryTable(history));
            return new Database<TContext>(address, time, () => postgres(options.Options), source.DisposeAsync);
        }
        else
        {
            var connection = new SqliteConnectionStringBuilder(address.ConnectionString) { ForeignKeys = true, DefaultTimeout = CommandTimeoutSeconds };
            options.UseSqlite(connection.ToString(), lite => lite.CommandTimeout(CommandTimeoutSeconds).MigrationsHistoryTable(history));
            options.AddInterceptors(new SqliteDurability());
            return new Database<TContext>(address, time, () => sqlite(options.Options), () => CloseAsync(connection.ToString()));
        }
    }

    /// <summary>Closes the pooled connections; with the last one SQLite moves its write-ahead log into the file and removes it.</summary>
    private static ValueTask CloseAsync(string connectionString)
    {
        using var connection = new SqliteConnection(connectionString);
        SqliteConnection.ClearPool(connection);
        return ValueTask.CompletedTask;
    }
}
