using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ampora.Database;

/// <summary>Migrates a database before anything else of the host starts.</summary>
public static partial class MigrationAtStart
{
    // Services and their database are often started together; a database that is not there after a minute needs a person.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Has the registered <see cref="Database{TContext}"/> migrated at start, waiting up to a minute until it can be reached.</summary>
    /// <param name="services">The services.</param>
    public static void AddMigrationAtStart<TContext>(this IServiceCollection services)
        where TContext : DbContext => services.AddHostedService<Migration<TContext>>();

    private sealed partial class Migration<TContext>(Database<TContext> database, ILogger<Migration<TContext>> logger) : IHostedLifecycleService
        where TContext : DbContext
    {
        public async Task StartingAsync(CancellationToken cancellationToken)
        {
            var started = TimeProvider.System.GetTimestamp();
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    await database.MigrateAsync(cancellationToken);
                    return;
                }
                catch (Exception e) when (TransientErrors.IsConnectionLost(e) && TimeProvider.System.GetElapsedTime(started) < Patience)
                {
                    if (attempt == 1)
                        Log.Waiting(logger, database.Dialect, e.Message);
                }

                await Task.Delay(Pause, cancellationToken);
            }
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The {Dialect} database cannot be reached yet; trying again for a minute: {Reason}")]
        public static partial void Waiting(ILogger logger, DatabaseDialect dialect, string reason);
    }
}
