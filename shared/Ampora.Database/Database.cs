using System.Data;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Database;

/// <summary>
/// Opens contexts on one database. Every write of the process goes through <see cref="WriteAsync{T}"/>: on SQLite that is a queue of
/// one writer, on PostgreSQL a transaction of its own.
/// </summary>
/// <typeparam name="TContext">The context.</typeparam>
public sealed class Database<TContext> : IAsyncDisposable
    where TContext : DbContext
{
    // A deadlock or a serialization failure goes away when tried again; three tries keep a request within its deadline.
    private const int MaxAttempts = 3;

    private readonly Func<TContext> _create;
    private readonly IAsyncDisposable? _pool;
    private readonly SemaphoreSlim? _writer;

    internal Database(DatabaseDialect dialect, TimeProvider time, Func<TContext> create, IAsyncDisposable? pool)
    {
        Dialect = dialect;
        Time = time;
        _create = create;
        _pool = pool;
        _writer = dialect == DatabaseDialect.Sqlite ? new SemaphoreSlim(1, 1) : null;
    }

    /// <summary>Which database it is.</summary>
    public DatabaseDialect Dialect { get; }

    /// <summary>The process's clock, which is also SQLite's.</summary>
    public TimeProvider Time { get; }

    /// <summary>Opens a context for reading. The caller disposes it.</summary>
    public TContext Read() => _create();

    /// <summary>Runs work in one transaction and commits it.</summary>
    /// <param name="work">
    /// Reads and writes through the context's connection, and saves what it changed. It may be run again after a deadlock or a lost
    /// connection, so it has no other effects.
    /// </param>
    /// <param name="cancellationToken">Ends the wait before the commit, never during it.</param>
    /// <returns>What the work returned, after the commit.</returns>
    /// <exception cref="CommitOutcomeUnknownException">The commit was sent and its answer lost: it may have happened or not.</exception>
    public async Task<T> WriteAsync<T>(Func<TContext, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (_writer is not null)
                await _writer.WaitAsync(cancellationToken);
            try
            {
                await using var context = _create();
                await using var transaction = await context.Database.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
                var result = await work(context, cancellationToken);
                await CommitAsync(transaction);
                return result;
            }
            catch (Exception e) when (attempt < MaxAttempts && e is not CommitOutcomeUnknownException && TransientErrors.IsTransient(e))
            {
                // Tried again below, with a fresh context and connection.
            }
            finally
            {
                _writer?.Release();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20 * attempt * (0.5 + Random.Shared.NextDouble())), Time, cancellationToken);
        }
    }

    /// <summary>Runs work in one transaction and commits it; see the other overload.</summary>
    /// <param name="work">The work.</param>
    /// <param name="cancellationToken">Ends the wait before the commit, never during it.</param>
    public Task WriteAsync(Func<TContext, CancellationToken, Task> work, CancellationToken cancellationToken) =>
        WriteAsync(
            async (context, token) =>
            {
                await work(context, token);
                return true;
            },
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _writer?.Dispose();
        if (_pool is not null)
            await _pool.DisposeAsync();
    }

    private static async Task CommitAsync(Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction transaction)
    {
        try
        {
            // Not cancellable: a commit that was sent may happen, and whoever waits must learn which.
            await transaction.CommitAsync(CancellationToken.None);
        }
        catch (Exception e) when (TransientErrors.IsConnectionLost(e))
        {
            throw new CommitOutcomeUnknownException(e);
        }
    }
}
