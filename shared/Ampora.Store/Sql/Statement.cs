namespace Ampora.Store.Sql;

/// <summary>
/// A statement in both dialects. <c>@now</c> is the database's clock in either: <c>clock_timestamp()</c> on PostgreSQL, a parameter
/// with the process's time on SQLite.
/// </summary>
internal sealed class Statement
{
    public Statement(string postgres, string sqlite)
    {
        Postgres = postgres.Replace("@now", "clock_timestamp()", StringComparison.Ordinal);
        Sqlite = sqlite;
    }

    /// <summary>A statement that reads alike in both.</summary>
    public Statement(string sql)
        : this(sql, sql)
    {
    }

    public string Postgres { get; }

    public string Sqlite { get; }
}

/// <summary>One execution of a statement.</summary>
/// <param name="Statement">The statement.</param>
/// <param name="Parameters">Values by name; those that the text does not mention are not sent.</param>
/// <param name="OnRow">Takes each row; given exactly when the statement returns rows.</param>
internal sealed record Command(Statement Statement, IReadOnlyList<(string Name, object? Value)> Parameters, Action<Row>? OnRow = null);
