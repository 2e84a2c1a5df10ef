using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Restoring;
using Ampora.Store.Secrets;
using Ampora.Store.Snapshots;
using Ampora.Store.Wakeups;
using Ampora.Store.Webhooks;
using Ampora.Wakeups;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Ampora.Store;

/// <summary>Brings the store into a service.</summary>
public static class StoreService
{
    /// <summary>
    /// Registers <c>Database&lt;StoreContext&gt;</c>, <c>IWakeupStore</c>, <c>WakeupProtocol</c>, <c>SnapshotStore</c>, <c>WebhookReader</c> and <c>SecretCipher</c>, and
    /// migrates the database before anything else of the host starts. Calling it again changes nothing. Bad settings stop the start.
    /// </summary>
    /// <param name="builder">The service.</param>
    public static void AddStore(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        if (services.Any(s => s.ServiceType == typeof(Database<StoreContext>)))
            return;

        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<WakeupPolicy>();
        services.TryAddSingleton<SnapshotTimes>();
        services.AddSingleton<IValidateOptions<StoreOptions>, StoreOptions.Validation>();
        services.AddOptions<StoreOptions>()
            // Read when first needed, so that settings added after this call count.
            .Configure<IConfiguration>((options, configuration) =>
            {
                options.ConnectionString = configuration.GetConnectionString("Store");
                options.MasterKey = configuration["AMPORA_MASTER_KEY"];
                options.PreviousMasterKey = configuration["AMPORA_MASTER_KEY_PREVIOUS"];
            })
            .ValidateOnStart();

        services.AddSingleton(provider => OpenStore(
            provider.GetRequiredService<IOptions<StoreOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
        services.AddMigrationAtStart<StoreContext>("store");
        services.AddSingleton<IWakeupStore, SqlWakeupStore>();
        services.AddSingleton(provider => new WakeupProtocol(
            provider.GetRequiredService<IWakeupStore>(),
            provider.GetRequiredService<IMessagePublisher>(),
            provider.GetRequiredService<WakeupPolicy>(),
            OwnerOfLeases()));
        services.AddSingleton<SnapshotStore>();
        services.AddSingleton<SnapshotCollector>();
        services.AddSingleton<RecordedMessages>();
        services.AddSingleton<Restoration>();
        services.AddSingleton<WebhookReader>();
        services.AddSingleton(provider => MakeCipher(provider.GetRequiredService<IOptions<StoreOptions>>().Value));
    }

    /// <summary>Says that the service encrypts or decrypts, so that a missing <c>AMPORA_MASTER_KEY</c> stops its start.</summary>
    /// <param name="builder">The service.</param>
    public static void RequireMasterKey(this IHostApplicationBuilder builder) =>
        builder.Services.Configure<StoreOptions>(options => options.NeedsMasterKey = true);

    /// <summary>Has the service encrypt anew, under the current master key, what is stored under the previous one, when it has a previous one.</summary>
    /// <param name="builder">The service, to which <see cref="AddStore"/> was added.</param>
    public static void AddReencryption(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton<Reencryption>();
        builder.Services.AddHostedService<ReencryptionAtStart>();
    }

    /// <summary>Opens a store outside of a host: for tests and tools.</summary>
    /// <param name="address">Which database.</param>
    /// <param name="time">The process's clock.</param>
    public static Database<StoreContext> Open(DatabaseAddress address, TimeProvider time) => DatabaseRegistration.Create<StoreContext>(
        address, time, options => new PostgresStoreContext(options), options => new SqliteStoreContext(options, time));

    private static Database<StoreContext> OpenStore(StoreOptions options, TimeProvider time)
    {
        _ = options.ReadAddress(out var address);
        return Open(address!, time);
    }

    private static SecretCipher MakeCipher(StoreOptions options)
    {
        _ = StoreOptions.ReadKey("AMPORA_MASTER_KEY", options.MasterKey, out var current);
        _ = StoreOptions.ReadKey("AMPORA_MASTER_KEY_PREVIOUS", options.PreviousMasterKey, out var previous);
        return new SecretCipher(
            current ?? throw new InvalidOperationException("AMPORA_MASTER_KEY is missing, and a secret is to be encrypted or decrypted."), previous);
    }

    /// <summary>A lease of an earlier start must never look like one of this start.</summary>
    private static string OwnerOfLeases() => $"{Environment.MachineName}:{Environment.ProcessId}:{Guid.NewGuid():n}";
}
