using System.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Ampora.Database;

/// <summary>
/// Opens contexts on one database. Every write of the process goes through <c>WriteAsync</c>: on SQLite that is a queue of
/// one writer, on PostgreSQL a transaction of its own.
/// </summary>
/// <typeparam name="TContext">The context.</typeparam>
public sealed class Database<TContext> : IAsyncDisposable
    where TContext : DbContext
{
    // A deadlock or a serialization failure goes away when tried again; three tries keep a request within its deadline.
    private const int MaxAttempts = 3;

    private readonly Func<TContext> _create;
    private readonly Func<ValueTask> _close;

    // SQLite lets one transaction write at a time. Who waits for it here holds no thread; who waited in SQLite would block one.
    private readonly SemaphoreSlim? _writer;

    // Ready from the start where nobody migrates it.
    private readonly TaskCompletionSource _migrated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _closedBecause;

    internal Database(DatabaseAddress address, TimeProvider time, Func<TContext> create, Func<ValueTask> close)
    {
        Address = address;
        Time = time;
        _create = create;
        _close = close;
        _writer = Dialect == DatabaseDialect.Sqlite ? new SemaphoreSlim(1, 1) : null;
    }

    /// <summary>Which database it is.</summary>
    public DatabaseDialect Dialect => Address.Dialect;

    /// <summary>The process's clock, which is also SQLite's.</summary>
    public TimeProvider Time { get; }

    internal DatabaseAddress Address { get; }

    /// <summary>Why the database is not ready; null: it is.</summary>
    internal string? ClosedBecause => _closedBecause;

    /// <summary>Opens a context for reading. The caller disposes it.</summary>
    /// <exception cref="DatabaseNotReadyException">It has not been migrated yet.</exception>
    public TContext Read() => _closedBecause is { } reason ? throw new DatabaseNotReadyException(reason) : _create();

    /// <summary>Waits until the database has been migrated; at once where nobody migrates it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task WaitUntilMigratedAsync(CancellationToken cancellationToken) =>
        _closedBecause is null ? Task.CompletedTask : _migrated.Task.WaitAsync(cancellationToken);

    /// <summary>Runs work in one transaction and commits it.</summary>
    /// <param name="work">
    /// Reads and writes through the context's connection, and saves what it changed. It may be run again after a deadlock or a lost
    /// connection, so it has no other effects. On SQLite nobody else writes meanwhile: it waits for nothing but the database.
    /// </param>
    /// <param name="cancellationToken">Ends the wait before the commit, never during it.</param>
    /// <returns>What the work returned, after the commit.</returns>
    /// <exception cref="CommitOutcomeUnknownException">The commit was sent and its answer lost: it may have happened or not.</exception>
    public Task<T> WriteAsync<T>(Func<TContext, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        WriteAsync(work, Durability.Flushed, cancellationToken);

    /// <summary>Runs work in one transaction and commits it, with a choice of durability; see the other overload.</summary>
    /// <param name="work">The work.</param>
    /// <param name="durability">
    /// What a crash of the machine may take back. On PostgreSQL the work itself must say <see cref="DatabaseStatements.Deferred"/>, together with its first
    /// statement, which saves a round trip.
    /// </param>
    /// <param name="cancellationToken">Ends the wait before the commit, never during it.</param>
    /// <returns>What the work returned, after the commit.</returns>
    /// <exception cref="CommitOutcomeUnknownException">The commit was sent and its answer lost: it may have happened or not.</exception>
    public async Task<T> WriteAsync<T>(Func<TContext, CancellationToken, Task<T>> work, Durability durability, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (_writer is not null)
                await _writer.WaitAsync(cancellationToken);
            try
            {
                await using var context = Read();
                // A save that fails ends the whole transaction here: savepoints around each would only be round trips.
                context.Database.AutoSavepointsEnabled = false;
                if (Dialect == DatabaseDialect.Sqlite)
                    await SqliteDurability.SetAsync(context.Database, durability, cancellationToken);
                // On SQLite every isolation level but ReadUncommitted is BEGIN IMMEDIATE: the write lock is taken here or not at all.
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

            // The database's time, not the rows': a clock that a test holds still must not hold this up.
            await Task.Delay(TimeSpan.FromMilliseconds(20 * attempt * (0.5 + Random.Shared.NextDouble())), cancellationToken);
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
        await _close();
        _writer?.Dispose();
    }

    /// <summary>Opens a context whether the database is ready or not.</summary>
    internal TContext OpenForMigration() => _create();

    /// <summary>Lets nobody use the database until it is migrated.</summary>
    internal void CloseUntilMigrated(string reason) => _closedBecause = reason;

    /// <summary>Lets everybody use the database.</summary>
    internal void OpenAfterMigration()
    {
        _closedBecause = null;
        _migrated.TrySetResult();
    }

    private static async Task CommitAsync(IDbContextTransaction transaction)
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
