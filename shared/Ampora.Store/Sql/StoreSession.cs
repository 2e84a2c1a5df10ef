using System.Data.Common;
using System.Text;
using System.Text.Json;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Ampora.Store.Sql;

/// <summary>Runs statements on a context's open connection, inside its current transaction if it has one.</summary>
/// <param name="context">The context.</param>
/// <param name="durability">How the transaction will be committed.</param>
internal sealed class StoreSession(StoreContext context, Durability durability = Durability.Flushed)
{
    private bool _mustDefer = durability == Durability.Deferred && context is not SqliteStoreContext;

    private readonly DbConnection _connection = context.Database.GetDbConnection();
    private readonly DbTransaction? _transaction = context.Database.CurrentTransaction?.GetDbTransaction();

    public DatabaseDialect Dialect { get; } = context is SqliteStoreContext ? DatabaseDialect.Sqlite : DatabaseDialect.Postgres;

    /// <summary>Opens the connection of a context that has no transaction, to read.</summary>
    public static async Task<StoreSession> OpenAsync(StoreContext context, CancellationToken cancellationToken)
    {
        await context.Database.OpenConnectionAsync(cancellationToken);
        return new StoreSession(context);
    }

    /// <summary>Closes what <see cref="OpenAsync"/> opened; inside a transaction the connection stays open.</summary>
    public Task CloseAsync() => context.Database.CloseConnectionAsync();

    /// <summary>Runs one statement.</summary>
    /// <returns>How many rows it changed.</returns>
    public async Task<int> ExecuteAsync(Statement statement, IReadOnlyList<(string Name, object? Value)> parameters, CancellationToken cancellationToken)
    {
        await using var command = Make(statement, parameters);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Runs one statement that returns rows.</summary>
    public async Task<List<T>> ReadAsync<T>(
        Statement statement, IReadOnlyList<(string Name, object? Value)> parameters, Func<Row, T> read, CancellationToken cancellationToken)
    {
        var rows = new List<T>();
        await using var command = Make(statement, parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(new Row(reader, Dialect)));
        return rows;
    }

    /// <summary>Runs statements in their order; on PostgreSQL they travel together.</summary>
    public async Task RunAsync(IReadOnlyList<Command> commands, CancellationToken cancellationToken)
    {
        if (commands.Count == 0)
            return;
        if (Dialect == DatabaseDialect.Sqlite)
        {
            foreach (var command in commands)
            {
                await using var single = Make(command.Statement, command.Parameters);
                await using var reader = await single.ExecuteReaderAsync(cancellationToken);
                await HandRowsAsync(reader, command.OnRow, cancellationToken);
            }

            return;
        }

        await using var batch = new NpgsqlBatch((NpgsqlConnection)_connection, (NpgsqlTransaction?)_transaction);
        foreach (var command in commands)
        {
            if (_mustDefer)
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand(DatabaseStatements.Deferred));
                _mustDefer = false;
            }

            var part = new NpgsqlBatchCommand(command.Statement.Postgres);
            foreach (var (name, value) in command.Parameters)
                part.Parameters.Add(new NpgsqlParameter(name, ForPostgres(value)));
            batch.BatchCommands.Add(part);
        }

        await using var results = await batch.ExecuteReaderAsync(cancellationToken);
        // Results come only from the statements that return rows, in their order.
        foreach (var onRow in commands.Select(c => c.OnRow).OfType<Action<Row>>())
        {
            await HandRowsAsync(results, onRow, cancellationToken);
            await results.NextResultAsync(cancellationToken);
        }
    }

    /// <summary>Rows as JSON, for a statement that takes many at once; times are in the dialect's form.</summary>
    public string ToJson<T>(IEnumerable<T> rows) => JsonSerializer.Serialize(rows, Dialect == DatabaseDialect.Sqlite ? RowJson.Sqlite : RowJson.Postgres);

    private async Task HandRowsAsync(DbDataReader reader, Action<Row>? onRow, CancellationToken cancellationToken)
    {
        while (await reader.ReadAsync(cancellationToken))
            onRow?.Invoke(new Row(reader, Dialect));
    }

    private DbCommand Make(Statement statement, IReadOnlyList<(string Name, object? Value)> parameters)
    {
        var command = _connection.CreateCommand();
        command.Transaction = _transaction;
        command.CommandText = Dialect == DatabaseDialect.Sqlite ? statement.Sqlite : statement.Postgres;
        if (_mustDefer)
        {
            command.CommandText = DatabaseStatements.Deferred + command.CommandText;
            _mustDefer = false;
        }

        foreach (var (name, value) in parameters)
            Add(command, name, Dialect == DatabaseDialect.Sqlite ? ForSqlite(value) : ForPostgres(value));
        if (context is SqliteStoreContext sqlite)
            Add(command, "now", UnixMicroseconds.From(sqlite.Time.GetUtcNow()));
        return command;
    }

    private static void Add(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value;
        command.Parameters.Add(parameter);
    }

    private static object ForPostgres(object? value) => value switch
    {
        null => DBNull.Value,
        string text => Storable(text),
        DateTimeOffset time => time.ToUniversalTime(),
        _ => value,
    };

    private static object ForSqlite(object? value) => value switch
    {
        null => DBNull.Value,
        DateTimeOffset time => UnixMicroseconds.From(time),
        TimeSpan span => UnixMicroseconds.From(span),
        // A list is a JSON array, which json_each reads.
        string[] texts => JsonSerializer.Serialize(texts),
        _ => value,
    };

    /// <summary>A commit's subject may hold anything; PostgreSQL's text holds neither NUL nor half a surrogate pair.</summary>
    private static string Storable(string text)
    {
        if (!text.Contains('\0') && !text.AsSpan().ContainsAnyInRange('\ud800', '\udfff'))
            return text;
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Replace('\0', '\ufffd')));
    }
}
