using System.Net;

namespace Ampora.Standalone;

/// <summary>What Standalone sets where the operator has set nothing, so that it starts without any setting.</summary>
internal static class LocalSettings
{
    /// <summary>The folder that was asked for; null for the default.</summary>
    public static string? DataFolder(StandaloneOptions options) => options.Data ?? Environment.GetEnvironmentVariable("AMPORA_DATA");

    /// <summary>The addresses that were asked for; null for the default.</summary>
    public static string? Urls(StandaloneOptions options) =>
        options.Urls ?? Environment.GetEnvironmentVariable("ASPNETCORE_URLS") ?? (HasPorts ? "http://*:0" : null);

    /// <summary>What the host must know before anything is registered, as it takes it from a command line.</summary>
    public static string[] HostArguments(StandaloneOptions options)
    {
        var arguments = new List<string>();
        if (options.Urls is not null)
            arguments.Add($"--urls={options.Urls}");
        // On loopback it is a developer's; where others can reach it, the stricter rules of production hold unless somebody says otherwise.
        if (!IsSet("ASPNETCORE_ENVIRONMENT") && !IsSet("DOTNET_ENVIRONMENT") && IsLoopback(Urls(options)))
            arguments.Add("--environment=Development");
        return [.. arguments];
    }

    /// <summary>Adds what is missing.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="folder">Where everything is kept.</param>
    /// <param name="greeting">Learns the admin token.</param>
    public static void AddLocalSettings(this WebApplicationBuilder builder, DataFolder folder, Greeting greeting)
    {
        var defaults = new Dictionary<string, string?> { ["AMPORA_DATA"] = folder.Path };
        void Default(string key, Func<string> value)
        {
            if (string.IsNullOrEmpty(builder.Configuration[key]))
                defaults[key] = value();
        }

        Default("ConnectionStrings:Store", () => folder.Database("store"));
        Default("ConnectionStrings:Audit", () => folder.Database("audit"));
        Default("Ampora:Audit:HeadFile", () => Path.Combine(folder.Path, "audit-heads"));
        Default("AMPORA_MASTER_KEY", folder.MasterKey);
        var made = false;
        Default("AMPORA_ADMIN_TOKEN", () =>
        {
            (var token, made) = folder.AdminToken();
            return token;
        });
        if (builder.Environment.IsDevelopment())
            Default("Ampora:Webhooks:AllowHttp", () => "true");
        builder.Configuration.AddInMemoryCollection(defaults);

        // Both databases are migrated at once, and the rest does not queue up behind the bus: ready in half the time.
        builder.Services.Configure<HostOptions>(host => host.ServicesStartConcurrently = true);

        // The lines for people say what happened; the log is for what went wrong beside it.
        builder.Logging.AddFilter("Ampora", LogLevel.Warning);
        builder.Logging.AddFilter("Ampora.Sweeper.Sweeps", LogLevel.Error);
        greeting.AdminToken = (builder.Configuration["AMPORA_ADMIN_TOKEN"]!, made);
        builder.Services.AddSingleton(greeting);
        builder.Services.AddSingleton<PrintedRuns>();
    }

    // Container images give ports on all addresses this way.
    private static bool HasPorts => IsSet("ASPNETCORE_HTTP_PORTS") || IsSet("DOTNET_HTTP_PORTS");

    private static bool IsSet(string variable) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable));

    private static bool IsLoopback(string? urls)
    {
        if (string.IsNullOrWhiteSpace(urls))
            return true;
        try
        {
            return urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(BindingAddress.Parse)
                .All(address => address.Host == "localhost" || (IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip)));
        }
        catch (FormatException)
        {
            // The host says what is wrong with it.
            return true;
        }
    }
}
