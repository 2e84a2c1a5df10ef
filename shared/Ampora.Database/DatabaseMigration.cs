using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Ampora.Database;

/// <summary>Brings a database to the schema of this release when a service starts.</summary>
public static class DatabaseMigration
{
    // A large table may take minutes to change; the others wait for the lock as long.
    private static readonly TimeSpan StatementTimeout = TimeSpan.FromMinutes(10);

    // "ampo" and "migr": a number that no other use of advisory locks in the same database is likely to have.
    private const long AdvisoryLock = 0x616d706f6d696772;

    /// <summary>
    /// Applies the migrations that are missing. Replicas may call it together: a lock that ends with its holder lets one of them work
    /// while the others wait and then find nothing to do.
    /// </summary>
    /// <param name="database">The database; it is created when it is missing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task MigrateAsync<TContext>(this Database<TContext> database, CancellationToken cancellationToken)
        where TContext : DbContext =>
        database.Dialect == DatabaseDialect.Postgres
            ? MigratePostgresAsync(database, cancellationToken)
            : MigrateSqliteAsync(database, cancellationToken);

    private static async Task MigratePostgresAsync<TContext>(Database<TContext> database, CancellationToken cancellationToken)
        where TContext : DbContext
    {
        await using var context = database.OpenForMigration();
        context.Database.SetCommandTimeout(StatementTimeout);
        try
        {
            await context.Database.OpenConnectionAsync(cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await CreateDatabaseAsync(database.Address, cancellationToken);
            await context.Database.OpenConnectionAsync(cancellationToken);
        }

        // EF Core's own lock is on its history table, which does not exist yet the first time.
        await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({AdvisoryLock})", cancellationToken);
        try
        {
            await context.Database.MigrateAsync(cancellationToken);
        }
        finally
        {
            // The pool would keep the session, and so the lock, alive.
            await context.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock_all()", CancellationToken.None);
        }
    }

    private static async Task CreateDatabaseAsync(DatabaseAddress address, CancellationToken cancellationToken)
    {
        var wanted = new NpgsqlConnectionStringBuilder(address.ConnectionString);
        var maintenance = new NpgsqlConnectionStringBuilder(address.ConnectionString) { Database = "postgres", Pooling = false };
        await using var connection = new NpgsqlConnection(maintenance.ToString());
        await connection.OpenAsync(cancellationToken);
        var name = (wanted.Database ?? wanted.Username ?? "").Replace("\"", "\"\"", StringComparison.Ordinal);
        await using var command = new NpgsqlCommand($"CREATE DATABASE \"{name}\"", connection);
        try
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another replica was quicker.
        }
    }

    private static async Task MigrateSqliteAsync<TContext>(Database<TContext> database, CancellationToken cancellationToken)
        where TContext : DbContext
    {
        var path = new SqliteConnectionStringBuilder(database.Address.ConnectionString).DataSource;
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
            Directory.CreateDirectory(folder);
        CreatePrivate(path);
        await using var held = await LockFileAsync($"{path}.migrating", cancellationToken);
        await using var context = database.OpenForMigration();
        context.Database.SetCommandTimeout(StatementTimeout);
        // EF Core's lock on SQLite is a row that outlives a process killed while it held it, and would stop every later start.
        // https://learn.microsoft.com/ef/core/providers/sqlite/limitations#concurrent-migrations-protection
        await context.Database.ExecuteSqlAsync($"DROP TABLE IF EXISTS __EFMigrationsLock", cancellationToken);
        await context.Database.MigrateAsync(cancellationToken);
    }

    /// <summary>The file holds hashes and encrypted secrets: its owner alone reads it. SQLite gives its side files the same mode.</summary>
    private static void CreatePrivate(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // Never opened when it is there: closing any handle on it would drop the locks that SQLite holds in this process.
        // https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
        if (!File.Exists(path))
        {
            try
            {
                new FileStream(path, options).Dispose();
            }
            catch (IOException) when (File.Exists(path))
            {
                // Somebody else was quicker.
            }
        }
    }

    private static async Task<FileStream> LockFileAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                // The system ends the lock with its process, however that ends. The file stays: removed, it could be locked twice.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
            }
        }
    }
}
