using System.Data.Common;

namespace Ampora.Database;

/// <summary>A connection string and the database that it is for.</summary>
/// <param name="Dialect">Which database.</param>
/// <param name="ConnectionString">As given; it may hold a password and is never logged.</param>
public sealed record DatabaseAddress(DatabaseDialect Dialect, string ConnectionString)
{
    /// <summary>Reads a connection string: <c>Host=…</c> is PostgreSQL, <c>Data Source=…</c> SQLite.</summary>
    /// <param name="setting">The setting's name, for the error.</param>
    /// <param name="value">The connection string.</param>
    /// <param name="address">The address, when it could be read.</param>
    /// <returns>Null, or what is wrong and what it should be; it never repeats the value, which may hold a password.</returns>
    public static string? TryParse(string setting, string? value, out DatabaseAddress? address)
    {
        address = null;
        if (string.IsNullOrWhiteSpace(value))
            return $"{setting} is missing: set it to Host=…;Database=…;Username=…;Password=… for PostgreSQL or to Data Source=FILE for SQLite";

        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = value;
        }
        catch (ArgumentException)
        {
            return $"{setting} is not a connection string: it should be KEY=VALUE pairs separated by ';', such as Host=…;Database=…";
        }

        DatabaseDialect? dialect = parts.ContainsKey("Host") || parts.ContainsKey("Server") ? DatabaseDialect.Postgres
            : parts.ContainsKey("Data Source") || parts.ContainsKey("Filename") ? DatabaseDialect.Sqlite
            : null;
        if (dialect is null)
            return $"{setting} names no database: it should begin with Host=… (PostgreSQL) or Data Source=… (SQLite)";

        address = new DatabaseAddress(dialect.Value, value);
        return null;
    }

    /// <summary>The dialect alone, so that a password never reaches a log.</summary>
    public override string ToString() => Dialect.ToString();
}
