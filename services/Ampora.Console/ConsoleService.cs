using Ampora.Console.Access;
using Ampora.Console.Announcing;
using Ampora.Console.Audit;
using Ampora.Console.Deliveries;
using Ampora.Console.Events;
using Ampora.Console.Explaining;
using Ampora.Console.Http;
using Ampora.Console.Page;
using Ampora.Console.Runs;
using Ampora.Console.SharedSecrets;
using Ampora.Console.Snapshots;
using Ampora.Console.Sources;
using Ampora.Console.SourceTests;
using Ampora.Console.Tokens;
using Ampora.Console.Webhooks;
using Ampora.Git;
using Ampora.Hosting.Settings;
using Ampora.Store;
using Ampora.Store.Webhooks;
using MassTransit;

namespace Ampora.Console;

/// <summary>The management API and the page.</summary>
public static class ConsoleService
{
    /// <summary>Registers what the service is made of.</summary>
    public static void AddConsole(this WebApplicationBuilder builder)
    {
        builder.AddStore();
        // For Git credentials, sessions and forms.
        builder.RequireMasterKey();
        builder.AddReencryption();
        builder.AddSettings<GitLimits>("Git");
        builder.AddSettings<ConfiguredSecrets>("Webhooks");
        builder.Services.AddGit(CacheFolder(builder.Configuration), DenyOwnParts);
        if (AdminToken.FindProblem(builder.Configuration) is { } tokenProblem)
            builder.AddSettingsProblem(tokenProblem);
        var (address, addressProblem) = PublicAddress.Read(builder.Configuration);
        if (addressProblem is not null)
            builder.AddSettingsProblem(addressProblem);

        var services = builder.Services;
        services.AddSingleton(address);
        services.AddSingleton<SourceWriter>();
        services.AddSingleton<SecretRotation>();
        services.AddSingleton<WebhookWriter>();
        services.AddSingleton<SharedSecretWriter>();
        services.AddSingleton<Explainer>();
        services.AddSingleton<SourceTester>();
        services.AddSingleton<ArchiveWriter>();
        services.AddSingleton<SealedText>();
        services.AddSingleton<ApiTokenDirectory>();
        services.AddSingleton<GeneratedAdminToken>();
        AddWorker<Announcer>(services);
        services.AddHostedService<AdminToken>();
        AddWorker<RefusalLedger>(services);
        services.AddHostedService<RepositoryKeys>();
        AddWorker<EventTail>(services);

        // The core alone: what AddAuthentication adds besides keeps keys on disk, which nothing here uses.
        services.AddWebEncoders();
        // The framework would log each refused request twice; the audit log counts them.
        builder.Logging.AddFilter(typeof(ApiTokenHandler).FullName, LogLevel.Warning);
        services.AddTransient<ApiTokenHandler>();
        services.AddAuthenticationCore(options => options.AddScheme<ApiTokenHandler>(ApiTokenHandler.Scheme, null));
        services.AddAuthorization(Role.AddPolicies);
        services.AddOpenApi(ApiDescription.Configure);
    }

    /// <summary>Registers the service's consumers: none; it asks Audit, and takes the answers.</summary>
    public static void AddConsoleConsumers(this IBusRegistrationConfigurator bus) => AuditApi.AddClients(bus);

    /// <summary>Maps the service's endpoints.</summary>
    public static void MapConsole(this WebApplication app)
    {
        var api = app.MapGroup("/api")
            .AddEndpointFilter<RefusalFilter>()
            .ProducesProblem(StatusCodes.Status401Unauthorized)
            .ProducesProblem(StatusCodes.Status403Forbidden);
        api.MapSources();
        api.MapSourceTests();
        api.MapWebhooks();
        api.MapDeliveries();
        api.MapExplaining();
        api.MapSharedSecrets();
        api.MapRuns();
        api.MapSnapshots();
        api.MapAudit();
        api.MapEvents();
        api.MapTokens();
        app.MapOpenApi();
        app.MapHomePage();
    }

    // A source test must not make the console talk to what stands behind Ampora.
    private static void DenyOwnParts(IServiceProvider services, AddressPolicy policy)
    {
        var settings = services.GetRequiredService<IConfiguration>();
        foreach (var part in (string[])["Store", "Audit", "Broker"])
            policy.DenyConnection(settings.GetConnectionString(part));
    }

    // Nothing is fetched here; it is where the files of an SSH connection go when there is no memory for them.
    private static string CacheFolder(ConfigurationManager settings) =>
        settings["Ampora:Git:CacheFolder"] is { Length: > 0 } folder ? folder : Path.Combine(Path.GetTempPath(), "ampora-console");

    // One instance, both to run and to be called.
    private static void AddWorker<T>(IServiceCollection services)
        where T : class, IHostedService
    {
        services.AddSingleton<T>();
        services.AddHostedService(provider => provider.GetRequiredService<T>());
    }
}
