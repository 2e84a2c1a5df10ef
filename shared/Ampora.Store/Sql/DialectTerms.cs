using Ampora.Database;

namespace Ampora.Store.Sql;

/// <summary>
/// The few terms in which the two dialects differ, so that each hot statement is written once. Times on PostgreSQL are the server's
/// clock at the moment of use, not the transaction's start; on SQLite the parameter <c>@now</c>.
/// </summary>
internal sealed class DialectTerms
{
    public static readonly DialectTerms Postgres = new(DatabaseDialect.Postgres);

    public static readonly DialectTerms Sqlite = new(DatabaseDialect.Sqlite);

    private readonly bool _postgres;

    private DialectTerms(DatabaseDialect dialect) => _postgres = dialect == DatabaseDialect.Postgres;

    public string Now => _postgres ? "clock_timestamp()" : "@now";

    public string Greatest => _postgres ? "greatest" : "max";

    public string Least => _postgres ? "least" : "min";

    /// <summary>A number in [0, 1), anew for each row.</summary>
    public string Random => _postgres ? "random()" : "((random() & 1048575) / 1048576.0)";

    public string ForUpdate => _postgres ? "FOR UPDATE" : "";

    public string SkipLocked => _postgres ? "FOR UPDATE SKIP LOCKED" : "";

    public static DialectTerms Of(DatabaseDialect dialect) => dialect == DatabaseDialect.Postgres ? Postgres : Sqlite;

    public static DialectTerms Of(StoreContext context) => context is SqliteStoreContext ? Sqlite : Postgres;

    /// <summary>Now and so many seconds.</summary>
    public string After(string seconds) => _postgres
        ? $"(clock_timestamp() + ({seconds}) * interval '1 second')"
        : $"(@now + CAST(({seconds}) * 1000000 AS INTEGER))";

    /// <summary>The seconds from a time until now.</summary>
    public string SecondsSince(string time) => _postgres
        ? $"CAST(extract(epoch FROM (clock_timestamp() - {time})) AS double precision)"
        : $"((@now - {time}) / 1000000.0)";

    /// <summary>Whether a text column is in a list parameter.</summary>
    public string In(string parameter) => _postgres ? $"= ANY({parameter})" : $"IN (SELECT value FROM json_each({parameter}))";
}
