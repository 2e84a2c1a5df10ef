using MassTransit;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Whether the bus is connected and its consumers are. For a service that only handles messages a bus that is down is a failure; for one
/// that also answers requests it is not: a webhook needs the database alone.
/// </summary>
internal sealed class BusHealth(IBusControl bus, bool needed) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var health = bus.CheckHealth();
        return Task.FromResult(health.Status == BusHealthStatus.Healthy
            ? HealthCheckResult.Healthy(health.Description)
            : new HealthCheckResult(needed ? HealthStatus.Unhealthy : HealthStatus.Degraded, health.Description));
    }
}
