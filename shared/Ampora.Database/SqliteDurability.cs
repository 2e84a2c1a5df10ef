using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace Ampora.Database;

/// <summary>
/// Sets each SQLite connection up to survive a power cut: a write-ahead log that is flushed at every commit
/// (https://www.sqlite.org/pragma.html#pragma_synchronous).
/// </summary>
internal sealed class SqliteDurability : DbConnectionInterceptor
{
    // The log is cut back to 64 MiB after a checkpoint, so that one large import does not keep its size for good. Another process
    // that holds the file (a shell, a backup) is waited for within SQLite, whose pauses are shorter than the driver's 150 ms.
    private const string Pragmas = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA temp_store = MEMORY;
        PRAGMA journal_size_limit = 67108864;
        PRAGMA busy_timeout = 2000;
        """;

    // The pool hands the same native connection out again with its settings kept.
    private readonly ConditionalWeakTable<object, object> _ready = [];

    /// <summary>Opens the connection and says how its next transaction is committed; every writing transaction says so.</summary>
    public static async Task SetAsync(DatabaseFacade database, Durability durability, CancellationToken cancellationToken)
    {
        await database.OpenConnectionAsync(cancellationToken);
        await using var command = database.GetDbConnection().CreateCommand();
        command.CommandText = durability == Durability.Flushed ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        var handle = ((SqliteConnection)connection).Handle!;
        if (_ready.TryGetValue(handle, out _))
            return;
        using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        command.ExecuteNonQuery();
        _ready.AddOrUpdate(handle, handle);
    }

    public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        // SQLite's calls are synchronous whatever their name.
        ConnectionOpened(connection, eventData);
        return Task.CompletedTask;
    }
}
