using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Ampora.Store.Secrets;

/// <summary>
/// Runs the re-encryption when a service starts with a previous master key, and again now and then: another replica may have stored something under the old
/// key until it was restarted.
/// </summary>
internal sealed partial class ReencryptionAtStart(
    IServiceProvider services, IOptions<StoreOptions> options, TimeProvider time, ILogger<ReencryptionAtStart> logger) : BackgroundService
{
    private static readonly TimeSpan Again = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (string.IsNullOrWhiteSpace(options.Value.PreviousMasterKey))
            return;

        var reencryption = services.GetRequiredService<Reencryption>();
        var said = false;
        var failing = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = Again;
            try
            {
                var result = await reencryption.RunAsync(stoppingToken);
                failing = false;
                if (result.Unreadable == 0 && (!said || result.Done > 0))
                    Log.Done(logger);
                said = true;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                if (!failing)
                    Log.Failing(logger, e);
                failing = true;
                pause = AfterFailure;
            }

            try
            {
                await Task.Delay(pause, time, stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(
            1,
            LogLevel.Information,
            "Every stored secret is encrypted under AMPORA_MASTER_KEY; once every service runs with it, AMPORA_MASTER_KEY_PREVIOUS is no longer needed")]
        public static partial void Done(ILogger logger);

        [LoggerMessage(2, LogLevel.Warning, "Encrypting stored secrets anew failed, and is tried again until it succeeds")]
        public static partial void Failing(ILogger logger, Exception error);
    }
}
