namespace Ampora.Database;

/// <summary>The databases that Ampora runs on.</summary>
public enum DatabaseDialect
{
    /// <summary>PostgreSQL 15 or later.</summary>
    Postgres,

    /// <summary>SQLite, for one process.</summary>
    Sqlite,
}
