using Ampora.Database;
using Ampora.Store;
using Ampora.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Sources;

/// <summary>
/// Fills in, after an upgrade, the keys by which the shared endpoint finds the sources that an older release stored. Until that is done, deliveries at the shared
/// endpoint do not find them; their own endpoints and their polls need no key.
/// </summary>
internal sealed partial class RepositoryKeys(Database<StoreContext> database, TimeProvider time, ILogger<RepositoryKeys> logger) : BackgroundService
{
    // A transaction of some milliseconds each, so that nobody waits for it.
    private const int BatchSize = 200;

    // Databases restart in seconds.
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.WaitUntilMigratedAsync(stoppingToken);
        var filled = 0;
        for (var after = ""; ;)
        {
            try
            {
                var (last, count) = await FillAsync(after, stoppingToken);
                filled += count;
                if (last is null)
                    break;
                after = last;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Log.NotFilled(logger, RetryAfter.TotalSeconds, e);
                await Task.Delay(RetryAfter, time, stoppingToken);
            }
        }

        if (filled > 0)
            Log.Filled(logger, filled);
    }

    /// <returns>The last source that was looked at, null when there are no more; and how many got a key.</returns>
    private Task<(string? Last, int Filled)> FillAsync(string after, CancellationToken cancellationToken) => database.WriteAsync(
        async (context, stop) =>
        {
            var sources = await context.Sources.AsNoTracking()
                .Where(s => s.RepositoryKey == null && string.Compare(s.Id, after) > 0)
                .OrderBy(s => s.Id)
                .Take(BatchSize)
                .Select(s => new { s.Id, s.Url })
                .ToListAsync(stop);
            var filled = 0;
            foreach (var source in sources)
            {
                var (key, serverKey) = (RepositoryAddress.KeyOf(source.Url), RepositoryAddress.BitbucketServerKeyOf(source.Url));
                if (key is null)
                    continue;
                // A source that an operator changes meanwhile gets its keys from that change.
                filled += await context.Sources
                    .Where(s => s.Id == source.Id && s.Url == source.Url && s.RepositoryKey == null)
                    .ExecuteUpdateAsync(set => set.SetProperty(s => s.RepositoryKey, key).SetProperty(s => s.BitbucketServerKey, serverKey), stop);
            }

            return (sources.Count < BatchSize ? null : sources[^1].Id, filled);
        },
        cancellationToken);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "{Count} sources of an older release are found by the shared webhook endpoint from now on")]
        public static partial void Filled(ILogger logger, int count);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The repositories of older sources could not be noted for the shared webhook endpoint; tried again in {Seconds} s")]
        public static partial void NotFilled(ILogger logger, double seconds, Exception exception);
    }
}
