using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ampora.Database;

/// <summary>
/// Migrates a database when a service starts, however long it takes until there is one. What is over at once is over before anything else of the
/// host starts. Otherwise the host goes on: it answers that it lives and is not ready, its other parts find the database away, as they may at any time,
/// and nothing uses a schema of another release meanwhile.
/// </summary>
public static partial class MigrationAtStart
{
    // Whoever watches over processes asks for a sign of life from the start; a small migration is much faster than this.
    private static readonly TimeSpan HeadStart = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Has the registered <see cref="Database{TContext}"/> migrated at start; until then it is not ready, and neither is the service.</summary>
    /// <param name="services">The services.</param>
    /// <param name="name">The database's name, for people.</param>
    /// <param name="migrate">
    /// How, where it takes more than the database's own connection; called again after an error that may pass. <see cref="DatabaseNotReadyException"/> says
    /// what is waited for.
    /// </param>
    public static void AddMigrationAtStart<TContext>(this IServiceCollection services, string name, Func<IServiceProvider, Func<CancellationToken, Task>>? migrate = null)
        where TContext : DbContext
    {
        services.AddHostedService(provider =>
        {
            var database = provider.GetRequiredService<Database<TContext>>();
            return new Migration<TContext>(name, database, migrate?.Invoke(provider) ?? database.MigrateAsync, provider.GetRequiredService<ILogger<Migration<TContext>>>());
        });
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            $"{name}-schema", provider => new SchemaHealth<TContext>(provider.GetRequiredService<Database<TContext>>()), failureStatus: null, ["ready"]));
    }

    private sealed class Migration<TContext> : BackgroundService, IHostedLifecycleService
        where TContext : DbContext
    {
        private readonly string _name;
        private readonly Database<TContext> _database;
        private readonly Func<CancellationToken, Task> _migrate;
        private readonly ILogger _logger;
        private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _stopping = new();
        private Task _migrating = Task.CompletedTask;

        public Migration(string name, Database<TContext> database, Func<CancellationToken, Task> migrate, ILogger<Migration<TContext>> logger)
        {
            (_name, _database, _migrate, _logger) = (name, database, migrate, logger);
            // Before anything of the host starts: whatever comes first finds it closed.
            database.CloseUntilMigrated($"the {name} database has not been migrated yet");
        }

        public async Task StartingAsync(CancellationToken cancellationToken)
        {
            _migrating = Task.Run(() => MigrateAsync(_stopping.Token), CancellationToken.None);
            var first = await Task.WhenAny(_migrating, _waiting.Task, Task.Delay(HeadStart, cancellationToken));
            if (cancellationToken.IsCancellationRequested)
                await _stopping.CancelAsync();
            await first;
        }

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => _stopping.CancelAsync();

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override void Dispose()
        {
            base.Dispose();
            _stopping.Dispose();
        }

        // The host stops when it fails. A connection that is just being opened to a database that stands still heeds no token; it is not waited for.
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => _migrating.WaitAsync(stoppingToken);

        private async Task MigrateAsync(CancellationToken stopping)
        {
            var started = TimeProvider.System.GetTimestamp();
            for (var told = ""; ;)
            {
                try
                {
                    await _migrate(stopping);
                    _database.OpenAfterMigration();
                    if (told.Length > 0)
                        Log.Migrated(_logger, _name, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
                    return;
                }
                catch (Exception) when (stopping.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception e) when (MayPass(e))
                {
                    var reason = ReasonOf(e);
                    _database.CloseUntilMigrated($"waiting for the {_name} database: {reason}");
                    if (reason != told)
                        Log.Waiting(_logger, _name, reason);
                    told = reason;
                    _waiting.TrySetResult();
                }
                catch (Exception e)
                {
                    Log.Failed(_logger, _name, e);
                    throw;
                }

                await Task.Delay(Pause, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private sealed class SchemaHealth<TContext>(Database<TContext> database) : IHealthCheck
        where TContext : DbContext
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(database.ClosedBecause is { } reason ? HealthCheckResult.Unhealthy(reason) : HealthCheckResult.Healthy("migrated"));
    }

    /// <summary>Whether somebody, or time, will mend it without this process: no server yet, no login yet, no right to create the database, no room.</summary>
    private static bool MayPass(Exception error) =>
        TransientErrors.IsTransient(error) || TransientErrors.IsConnectionLost(error)
        // https://www.postgresql.org/docs/current/errcodes-appendix.html: invalid authorization, invalid catalog, insufficient resources, operator intervention,
        // insufficient privilege.
        || Postgres(error)?.SqlState is { } state && (state[..2] is "28" or "3D" or "53" or "57" || state == PostgresErrorCodes.InsufficientPrivilege);

    // In words of its own: a driver's message may quote a connection string.
    private static string ReasonOf(Exception error)
    {
        if (Postgres(error) is { } postgres)
            return $"{postgres.MessageText} ({postgres.SqlState})";
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is SocketException socket)
                return socket.Message;
            if (e is SqliteException or DatabaseNotReadyException)
                return e.Message;
        }

        return error.GetBaseException().GetType().Name;
    }

    private static PostgresException? Postgres(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is PostgresException postgres)
                return postgres;
        }

        return null;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "Waiting for the {Database} database, and trying again until it can be used: {Reason}")]
        public static partial void Waiting(ILogger logger, string database, string reason);

        [LoggerMessage(2, LogLevel.Information, "The {Database} database can be used, after {Seconds:F1} s")]
        public static partial void Migrated(ILogger logger, string database, double seconds);

        [LoggerMessage(3, LogLevel.Critical, "The {Database} database could not be migrated")]
        public static partial void Failed(ILogger logger, string database, Exception exception);
    }
}
