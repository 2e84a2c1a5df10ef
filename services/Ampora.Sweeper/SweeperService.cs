using Ampora.Git;
using Ampora.Hosting.Settings;
using Ampora.Store;
using MassTransit;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Ampora.Sweeper;

/// <summary>Reads tips, fetches trees once, and commits runs.</summary>
public static class SweeperService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddSweeper(this WebApplicationBuilder builder)
    {
        builder.AddStore();
        builder.RequireMasterKey();
        builder.AddSettings<GitLimits>("Git");
        builder.AddSettings<SweeperLimits>("Sweeper");
        builder.Services.AddGit(CacheFolder(builder.Configuration), DenyOwnParts);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<SourceSettings>();
        builder.Services.AddSingleton<Trees>();
        builder.Services.AddSingleton<Ancestry>();
        builder.Services.AddSingleton<Verification>();
        builder.Services.AddSingleton<FetchPlaces>();
        builder.Services.AddSingleton<SourceCheck>();
        builder.Services.AddSingleton<Sweeps>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Sweeps>());
        builder.Services.AddHealthChecks().AddCheck<SweeperHealth>("sweeper");
    }

    /// <summary>Registers the service's consumers.</summary>
    public static void AddSweeperConsumers(this IBusRegistrationConfigurator bus) =>
        bus.AddConsumer<TipCheckConsumer, TipCheckConsumerDefinition>();

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapSweeper(this WebApplication app)
    {
        // The sweeper serves nobody: its health and metrics are the management port's.
    }

    // A URL that an operator sets must not make the sweeper talk to what stands behind Ampora.
    private static void DenyOwnParts(IServiceProvider services, AddressPolicy policy)
    {
        var settings = services.GetRequiredService<IConfiguration>();
        foreach (var part in (string[])["Store", "Audit", "Broker"])
            policy.DenyConnection(settings.GetConnectionString(part));
    }

    // What is in the folder can be fetched again, so the system's temporary folder will do.
    private static string CacheFolder(ConfigurationManager settings) =>
        settings["Ampora:Git:CacheFolder"] is { Length: > 0 } folder ? folder
            : settings["AMPORA_DATA"] is { Length: > 0 } data ? Path.Combine(data, "git-cache")
            : Path.Combine(Path.GetTempPath(), "ampora-git-cache");
}
