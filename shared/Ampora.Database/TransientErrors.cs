using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Ampora.Database;

/// <summary>Tells errors that go away when tried again from those that do not.</summary>
public static class TransientErrors
{
    // https://www.sqlite.org/rescode.html
    private const int SqliteBusy = 5;
    private const int SqliteLocked = 6;

    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    private const string IdleInTransaction = "25P03";

    /// <summary>Whether the same work may well succeed on another try: deadlock, serialization failure, lost connection, a transaction that stood still for too long, busy file.</summary>
    /// <param name="error">The error, or one that wraps it.</param>
    public static bool IsTransient(Exception error) =>
        Causes(error).Any(e => e switch
        {
            SqliteException sqlite => sqlite.SqliteErrorCode is SqliteBusy or SqliteLocked,
            // Stood still for so long within a transaction that the server ended it, with all that it had done.
            PostgresException { SqlState: IdleInTransaction } => true,
            DbException database => database.IsTransient,
            _ => false,
        });

    /// <summary>Whether the connection broke, so that the outcome of what was sent is unknown.</summary>
    /// <param name="error">The error, or one that wraps it.</param>
    public static bool IsConnectionLost(Exception error) =>
        Causes(error).Any(e => e is IOException or TimeoutException or System.Net.Sockets.SocketException
            || e is PostgresException { SqlState: "57P01" or "57P02" or "57P03" }
            || e is NpgsqlException and not PostgresException);

    private static IEnumerable<Exception> Causes(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
            yield return error;
    }
}
