using Ampora.Hosting.Bus;
using Ampora.Hosting.Http;
using Ampora.Hosting.Logging;
using Ampora.Hosting.Management;
using Ampora.Hosting.Settings;
using Ampora.Hosting.Telemetry;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Ampora.Hosting;

/// <summary>What every service's <c>Program.cs</c> calls: settings, bus, telemetry, management port and exit codes are the same in all of them.</summary>
public static partial class ServiceHost
{
    /// <summary>The exit code of a start with missing or bad settings: EX_CONFIG of sysexits.h.</summary>
    public const int BadSettingsExitCode = 78;

    /// <summary>The name of the service that is all services in one process; it alone may run without a broker.</summary>
    public const string Standalone = "standalone";

    /// <summary>The name of the service that stands before all others.</summary>
    public const string Gateway = "gateway";

    // Container runtimes kill after 10 s; what is left of them is for closing connections and files.
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan ClosingTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Builds and runs a service until it is told to stop.</summary>
    /// <param name="service">Its name: <c>gateway</c>, <c>ingress</c>, …, <c>standalone</c>.</param>
    /// <param name="args">The command line.</param>
    /// <param name="add">Registers what it is made of.</param>
    /// <param name="consumers">Registers its consumers; null for a service without a bus.</param>
    /// <param name="map">Maps its endpoints.</param>
    /// <param name="started">Runs when it serves, for a greeting; null for none.</param>
    /// <returns>0 after an orderly stop, <see cref="BadSettingsExitCode"/> for bad settings (all of them named on standard error), 1 otherwise.</returns>
    public static async Task<int> RunAsync(
        string service,
        string[] args,
        Action<WebApplicationBuilder> add,
        Action<IBusRegistrationConfigurator>? consumers,
        Action<WebApplication> map,
        Func<WebApplication, CancellationToken, Task>? started = null)
    {
        // Until the host listens for them, a signal would end the process as if it had failed.
        var signals = new EarlySignals();
        WebApplication app;
        try
        {
            app = Build(service, args, add, consumers, map);
        }
        catch (SettingsException e)
        {
            foreach (var problem in e.Problems)
                await Console.Error.WriteLineAsync($"ampora-{service}: {problem}");
            return BadSettingsExitCode;
        }

        try
        {
            var workers = app.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToArray();
            signals.HandTo(app.Lifetime);
            try
            {
                await app.StartAsync();
            }
            catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
            {
                // Told to stop before it had started: that is no failure.
                return 0;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Most often an address that is taken, or a database that cannot be migrated.
                Log.StartFailed(app.Logger, service, e.Message, e is IOException ? null : e);
                return 1;
            }

            if (started is not null)
                await started(app, app.Lifetime.ApplicationStopping);
            if (!await StopsInTimeAsync(app))
                Log.StoppedLate(app.Logger, service, ShutdownTimeout.TotalSeconds);
            // The host stops when a worker fails, and calls that orderly; whoever restarts services must see that it was not.
            return Array.Exists(workers, worker => worker.ExecuteTask is { IsFaulted: true }) ? 1 : 0;
        }
        finally
        {
            await Task.WhenAny(app.DisposeAsync().AsTask(), Task.Delay(ClosingTimeout));
        }
    }

    /// <summary>
    /// Waits until the service has stopped, or was told to and has not in time. The host waits for each of its parts, and some do not listen: a connection that
    /// is being opened to a database that stands still, a commit whose outcome is not known yet. The process's end answers for them.
    /// </summary>
    private static async Task<bool> StopsInTimeAsync(WebApplication app)
    {
        try
        {
            var stopped = app.WaitForShutdownAsync();
            await Task.WhenAny(stopped, TimeIsUpAsync(app.Lifetime.ApplicationStopping));
            if (!stopped.IsCompleted)
                return false;
            await stopped;
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task TimeIsUpAsync(CancellationToken stopping)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Delay(ShutdownTimeout, CancellationToken.None);
    }

    /// <summary>Composes a service as <see cref="RunAsync"/> does, without running it: tests start whole services in their process.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="args">The command line.</param>
    /// <param name="add">Registers what it is made of.</param>
    /// <param name="consumers">Registers its consumers; null for a service without a bus.</param>
    /// <param name="map">Maps its endpoints.</param>
    /// <param name="settings">
    /// Settings that count more than all others, as configuration keys (<c>ConnectionStrings:Store</c>, <c>Ampora:Management:Port</c>, <c>AMPORA_MASTER_KEY</c>);
    /// <c>environment</c> is the environment's name and <c>urls</c> the addresses to listen on (<c>http://127.0.0.1:0</c> for any free port).
    /// </param>
    /// <exception cref="SettingsException">Settings are missing or bad; all of them are named.</exception>
    public static WebApplication Build(
        string service,
        string[] args,
        Action<WebApplicationBuilder> add,
        Action<IBusRegistrationConfigurator>? consumers,
        Action<WebApplication> map,
        IReadOnlyDictionary<string, string?>? settings = null)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = args,
            // What belongs to the service lies beside it, wherever it was started from.
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = settings?.GetValueOrDefault("environment"),
        });
        var problems = SettingsProblems.Of(builder);
        ConfigureSources(builder, problems, settings);
        ConfigureLogging(builder);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        ((IHostApplicationBuilder)builder).Properties[typeof(ServiceHost)] = service;
        builder.Services.AddSingleton<IStartupFilter>(new MiddlewareFilter(app =>
        {
            app.UseMiddleware<FrontOfPipeline>();
            app.UseMiddleware<UnhandledErrors>();
            app.UseMiddleware<ManagementPort>();
        }));
        if (service is not (Standalone or Gateway))
            AddBehindGateway(builder);
        builder.Services.AddHealthChecks();
        Draining.Add(builder.Services);
        builder.Services.AddSingleton<MetricsCollector>();
        builder.Services.AddSingleton<TracePropagation>();

        builder.AddSettings<ManagementSettings>("Management");
        Listeners.Configure(builder, service, Bound<ManagementSettings>(builder, "Ampora:Management"));
        if (consumers is not null)
            BusRegistration.Add(builder, service, consumers);

        var app = Compose(builder, problems, add);
        if (problems.Collect(app.Services) is { Count: > 0 } found)
        {
            ((IDisposable)app).Dispose();
            throw new SettingsException(found);
        }
        // From now on, not from the first scrape or the first request.
        _ = app.Services.GetRequiredService<MetricsCollector>();
        _ = app.Services.GetRequiredService<TracePropagation>();
        app.UseMiddleware<UnhandledErrors>();
        map(app);
        return app;
    }

    /// <summary>The name of the service that this builder makes.</summary>
    public static string NameOf(IHostApplicationBuilder builder) => (string)builder.Properties[typeof(ServiceHost)];

    private static void AddBehindGateway(WebApplicationBuilder builder)
    {
        builder.AddSettings<InternalSettings>("Internal");
        if (Networks.TryParse(Bound<InternalSettings>(builder, "Ampora:Internal").TrustedNetworks, out var trusted, out var bad))
            builder.Services.AddSingleton<IStartupFilter>(new MiddlewareFilter(app => app.UseMiddleware<BehindGateway>(trusted)));
        else
            builder.AddSettingsProblem($"Ampora__Internal__TrustedNetworks: {bad} is no network; it should be a list like 10.0.0.0/8, fd00::/8.");
    }

    private static WebApplication Compose(WebApplicationBuilder builder, SettingsProblems problems, Action<WebApplicationBuilder> add)
    {
        try
        {
            add(builder);
            // Again, behind what the service put in front: a path prefix is gone there.
            builder.Services.AddSingleton<IStartupFilter>(new MiddlewareFilter(app => app.UseMiddleware<ManagementPort>()));
            builder.Host.UseDefaultServiceProvider(provider =>
            {
                provider.ValidateScopes = true;
                // A registration that gave up because of a setting leaves others without what they need: the setting is what to report.
                provider.ValidateOnBuild = !problems.AnyNoted;
            });
            return builder.Build();
        }
        catch (Exception) when (problems.AnyNoted)
        {
            throw new SettingsException(problems.Collect(services: null));
        }
    }

    private static void ConfigureSources(WebApplicationBuilder builder, SettingsProblems problems, IReadOnlyDictionary<string, string?>? settings)
    {
        // Settings come from the environment and from files that it names; an appsettings.json in whichever folder this was started from is none of them.
        foreach (var file in builder.Configuration.Sources.OfType<JsonConfigurationSource>().ToArray())
            builder.Configuration.Sources.Remove(file);
        ((IConfigurationBuilder)builder.Configuration).Sources.Insert(0, new MemoryConfigurationSource { InitialData = QuietLogs.Levels });
        SecretFiles.AddTo(builder.Configuration, Environment.GetEnvironmentVariables(), problems);
        if (settings is not null)
            builder.Configuration.AddInMemoryCollection(settings);
    }

    private static void ConfigureLogging(WebApplicationBuilder builder)
    {
        builder.AddSettings<LoggingSettings>("Logging");
        builder.Logging.ClearProviders();
        // In the JSON form each line names its trace.
        builder.Logging.Configure(logging => logging.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
        builder.Logging.AddConsole(console => console.FormatterName = OneLineFormatter.FormatterName);
        // Read here: the first logger is made before the settings are checked.
        var format = Bound<LoggingSettings>(builder, "Ampora:Logging").Format;
        builder.Services.AddSingleton<ConsoleFormatter>(services => new OneLineFormatter(services.GetRequiredService<TimeProvider>(), format));
    }

    private static TOptions Bound<TOptions>(WebApplicationBuilder builder, string section)
        where TOptions : class, new()
    {
        try
        {
            return builder.Configuration.GetSection(section).Get<TOptions>() ?? new TOptions();
        }
        catch (InvalidOperationException)
        {
            // The check of the settings says so.
            return new TOptions();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Critical, "{Service} could not start: {Reason}")]
        public static partial void StartFailed(ILogger logger, string service, string reason, Exception? exception);

        [LoggerMessage(LogLevel.Warning, "{Service} was ended after {Seconds} s with work left; it carries on from the database")]
        public static partial void StoppedLate(ILogger logger, string service, double seconds);
    }
}
