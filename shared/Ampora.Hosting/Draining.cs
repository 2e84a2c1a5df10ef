using Ampora.Hosting.Management;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Ampora.Hosting;

/// <summary>
/// Lets whoever balances over replicas notice that this one goes before it closes its doors: it is not ready from the moment on that it is told to stop, ends
/// each connection with the next answer, and goes on serving for a while. A replica that nobody asks whether it is ready closes at once.
/// </summary>
internal sealed class Draining(IHostApplicationLifetime lifetime) : IHostedLifecycleService, IHealthCheck
{
    // The gateway asks every second and believes the second answer; the rest of the stop still has its five seconds.
    private static readonly TimeSpan Notice = TimeSpan.FromSeconds(3);

    // Kubernetes asks every ten seconds unless told otherwise.
    private static readonly TimeSpan AskedWithin = TimeSpan.FromSeconds(15);

    // Real time, whatever the process's clock: somebody outside is waited for.
    private long _asked;

    /// <summary>Whether the process was told to stop.</summary>
    public bool IsUnderWay => lifetime.ApplicationStopping.IsCancellationRequested;

    public static void Add(IServiceCollection services)
    {
        services.AddSingleton<Draining>();
        services.AddHostedService(provider => provider.GetRequiredService<Draining>());
        services.AddHealthChecks().Add(new HealthCheckRegistration("stopping", provider => provider.GetRequiredService<Draining>(), failureStatus: null, [ManagementPort.ReadyTag]));
    }

    /// <summary>Somebody asked whether this replica is ready.</summary>
    public void Asked() => Volatile.Write(ref _asked, TimeProvider.System.GetTimestamp());

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(IsUnderWay ? HealthCheckResult.Unhealthy("the process was told to stop") : HealthCheckResult.Healthy());

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _asked) is not 0 and var asked && TimeProvider.System.GetElapsedTime(asked) < AskedWithin)
            await Task.Delay(Notice, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
