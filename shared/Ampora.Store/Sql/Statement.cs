using System.Data.Common;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Ampora.Store.Sql;

/// <summary>
/// One statement on a context's connection and current transaction, with parameters as its dialect keeps them: on SQLite times and
/// durations are microseconds, lists are JSON, and <c>@now</c> is the process's clock.
/// </summary>
internal sealed class Statement : IAsyncDisposable
{
    private readonly DbCommand _command;
    private readonly bool _sqlite;

    private Statement(DbCommand command, bool sqlite)
    {
        _command = command;
        _sqlite = sqlite;
    }

    /// <summary>Prepares a statement; the connection is opened if it is not.</summary>
    public static async Task<Statement> OnAsync(StoreContext context, string sql, CancellationToken cancellationToken)
    {
        await context.Database.OpenConnectionAsync(cancellationToken);
        var command = context.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        command.Transaction = context.Database.CurrentTransaction?.GetDbTransaction();
        var sqlite = context as SqliteStoreContext;
        var statement = new Statement(command, sqlite is not null);
        if (sqlite is not null)
            statement.With("now", sqlite.Time.GetUtcNow());
        return statement;
    }

    /// <summary>Runs a statement that returns no rows.</summary>
    /// <returns>How many rows it touched.</returns>
    public static async Task<int> ExecuteAsync(
        StoreContext context, string sql, CancellationToken cancellationToken, params (string Name, object? Value)[] parameters)
    {
        await using var statement = await OnAsync(context, sql, cancellationToken);
        return await statement.WithAll(parameters)._command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Runs a statement once for each row of parameters; on PostgreSQL all go in one round trip.</summary>
    public static async Task ExecuteManyAsync(
        StoreContext context, string sql, IReadOnlyList<(string Name, object? Value)[]> rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
            return;
        if (context.Database.GetDbConnection() is NpgsqlConnection connection)
        {
            await using var batch = new NpgsqlBatch(connection, (NpgsqlTransaction?)context.Database.CurrentTransaction?.GetDbTransaction());
            foreach (var row in rows)
            {
                var command = new NpgsqlBatchCommand(sql);
                foreach (var (name, value) in row)
                    command.Parameters.AddWithValue(name, value ?? DBNull.Value);
                batch.BatchCommands.Add(command);
            }

            await batch.ExecuteNonQueryAsync(cancellationToken);
            return;
        }

        await using var statement = await OnAsync(context, sql, cancellationToken);
        foreach (var row in rows)
        {
            statement._command.Parameters.Clear();
            statement.With("now", ((SqliteStoreContext)context).Time.GetUtcNow()).WithAll(row);
            await statement._command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Runs a statement and reads each row that it returns.</summary>
    public static async Task<List<T>> QueryAsync<T>(
        StoreContext context,
        string sql,
        Func<Row, T> read,
        CancellationToken cancellationToken,
        params (string Name, object? Value)[] parameters)
    {
        await using var statement = await OnAsync(context, sql, cancellationToken);
        await using var reader = await statement.WithAll(parameters)._command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(new Row(reader, statement._sqlite)));
        return rows;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _command.DisposeAsync();

    private Statement WithAll((string Name, object? Value)[] parameters)
    {
        foreach (var (name, value) in parameters)
            With(name, value);
        return this;
    }

    private Statement With(string name, object? value)
    {
        var parameter = _command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = !_sqlite ? value ?? DBNull.Value : value switch
        {
            null => DBNull.Value,
            DateTimeOffset time => UnixMicroseconds.From(time),
            TimeSpan span => UnixMicroseconds.From(span),
            string[] list => JsonSerializer.Serialize(list),
            _ => value,
        };
        _command.Parameters.Add(parameter);
        return this;
    }

    /// <summary>A row, by column names.</summary>
    public readonly struct Row(DbDataReader reader, bool sqlite)
    {
        public string Text(string column) => reader.GetString(reader.GetOrdinal(column));

        public string? TextOrNull(string column) => reader.GetOrdinal(column) is var at && reader.IsDBNull(at) ? null : reader.GetString(at);

        public long Number(string column) => reader.GetInt64(reader.GetOrdinal(column));

        public int Int(string column) => reader.GetInt32(reader.GetOrdinal(column));

        public double Double(string column) => reader.GetDouble(reader.GetOrdinal(column));

        public bool Flag(string column) => reader.GetBoolean(reader.GetOrdinal(column));

        public Guid Guid(string column) => reader.GetGuid(reader.GetOrdinal(column));

        public DateTimeOffset Time(string column) => sqlite
            ? UnixMicroseconds.ToTime(reader.GetInt64(reader.GetOrdinal(column)))
            : reader.GetFieldValue<DateTimeOffset>(reader.GetOrdinal(column));

        public DateTimeOffset? TimeOrNull(string column) => reader.IsDBNull(reader.GetOrdinal(column)) ? null : Time(column);
    }
}
