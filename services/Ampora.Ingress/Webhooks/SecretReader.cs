using System.Data.Common;
using Ampora.Database;
using Ampora.Store;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Ampora.Ingress.Webhooks;

/// <summary>What the database has about a source's webhook.</summary>
/// <param name="Version">The version of the secrets.</param>
/// <param name="Current">The hash of the token; null when none is set.</param>
/// <param name="Previous">The hash of the token before the last rotation.</param>
/// <param name="PreviousIsValid">Whether that one is still accepted, by the database's clock.</param>
internal sealed record StoredSecret(long Version, byte[]? Current, byte[]? Previous, bool PreviousIsValid);

/// <summary>
/// Reads a source's secrets from the database, for every request anew: after a rotation has returned, no replica may accept the old one,
/// and a cache cannot promise that. A flood costs a bounded number of connections.
/// </summary>
internal sealed class SecretReader(Database<StoreContext> database, IOptions<IngressOptions> options) : IDisposable
{
    // A server that restarts leaves a pool of broken connections; each try removes one and clears the rest.
    private const int Attempts = 3;

    private const string Postgres =
        """
        SELECT w.secret_version, s.secret_hash, s.previous_secret_hash, COALESCE(s.previous_valid_until > clock_timestamp(), FALSE)
        FROM wakeups w LEFT JOIN webhook_secrets s ON s.source_id = w.source_id
        WHERE w.source_id = @source
        """;

    private const string Sqlite =
        """
        SELECT w.secret_version, s.secret_hash, s.previous_secret_hash, COALESCE(s.previous_valid_until > @now, 0)
        FROM wakeups w LEFT JOIN webhook_secrets s ON s.source_id = w.source_id
        WHERE w.source_id = @source
        """;

    private readonly SemaphoreSlim _turns = new(options.Value.ConcurrentReads);
    private int _waiting;

    /// <summary>Reads the secrets of a source.</summary>
    /// <param name="sourceId">A slug.</param>
    /// <param name="cancellationToken">Ends the wait for a turn and, as soon as the database allows, the read.</param>
    /// <returns>Null when there is no such source.</returns>
    /// <exception cref="TimeoutException">Too many are waiting already.</exception>
    public async Task<StoredSecret?> ReadAsync(string sourceId, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _waiting) > options.Value.QueuedReads + options.Value.ConcurrentReads)
        {
            Interlocked.Decrement(ref _waiting);
            throw new TimeoutException("more webhooks wait for their secrets than it can read in time");
        }

        try
        {
            await _turns.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    return await ReadOnceAsync(sourceId, cancellationToken);
                }
                catch (Exception e) when (attempt < Attempts && !cancellationToken.IsCancellationRequested && TransientErrors.IsTransient(e))
                {
                    // Once more, over another connection.
                }
            }
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose() => _turns.Dispose();

    private async Task<StoredSecret?> ReadOnceAsync(string sourceId, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        await context.Database.OpenConnectionAsync(cancellationToken);
        await using var command = context.Database.GetDbConnection().CreateCommand();
        command.CommandText = database.Dialect == DatabaseDialect.Postgres ? Postgres : Sqlite;
        AddParameter(command, "source", sourceId);
        if (database.Dialect == DatabaseDialect.Sqlite)
            AddParameter(command, "now", (database.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);

        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            return null;
        return new StoredSecret(
            reader.GetInt64(0),
            reader.IsDBNull(1) ? null : reader.GetFieldValue<byte[]>(1),
            reader.IsDBNull(2) ? null : reader.GetFieldValue<byte[]>(2),
            reader.GetBoolean(3));
    }

    private static void AddParameter(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value;
        command.Parameters.Add(parameter);
    }
}
