using MassTransit;
using Microsoft.AspNetCore.Builder;

namespace Ampora.Hosting;

/// <summary>What every service's <c>Program.cs</c> calls: settings, bus, telemetry, management port and exit codes are the same in all of them.</summary>
public static class ServiceHost
{
    /// <summary>The exit code of a start with missing or bad settings: EX_CONFIG of sysexits.h.</summary>
    public const int BadSettingsExitCode = 78;

    /// <summary>Builds and runs a service until it is told to stop.</summary>
    /// <param name="service">Its name: <c>gateway</c>, <c>ingress</c>, …, <c>standalone</c>.</param>
    /// <param name="args">The command line.</param>
    /// <param name="add">Registers what it is made of.</param>
    /// <param name="consumers">Registers its consumers; null for a service without a bus.</param>
    /// <param name="map">Maps its endpoints.</param>
    /// <param name="started">Runs when it serves, for a greeting; null for none.</param>
    /// <returns>0 after an orderly stop, <see cref="BadSettingsExitCode"/> for bad settings (all of them named on standard error), 1 otherwise.</returns>
    public static Task<int> RunAsync(
        string service,
        string[] args,
        Action<WebApplicationBuilder> add,
        Action<IBusRegistrationConfigurator>? consumers,
        Action<WebApplication> map,
        Func<WebApplication, CancellationToken, Task>? started = null) => throw new NotImplementedException();
}
