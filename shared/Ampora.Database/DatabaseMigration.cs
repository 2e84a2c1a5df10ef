using Microsoft.EntityFrameworkCore;

namespace Ampora.Database;

/// <summary>Brings a database to the schema of this release when a service starts.</summary>
public static class DatabaseMigration
{
    /// <summary>
    /// Applies the migrations that are missing. Replicas may call it together: a lock held in the database lets one of them work while
    /// the others wait and then find nothing to do.
    /// </summary>
    /// <param name="database">The database; a SQLite file is created when it is missing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task MigrateAsync<TContext>(this Database<TContext> database, CancellationToken cancellationToken)
        where TContext : DbContext
    {
        await using var context = database.Read();
        // EF Core takes the lock: LOCK TABLE on PostgreSQL's history table, a lock row on SQLite.
        context.Database.SetCommandTimeout(TimeSpan.FromMinutes(5));
        await context.Database.MigrateAsync(cancellationToken);
    }
}
