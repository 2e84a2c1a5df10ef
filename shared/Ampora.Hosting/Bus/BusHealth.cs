using MassTransit;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Whether the bus is connected and its consumers are. For a service that only handles messages a bus that is down is a failure; for one
/// that also answers requests it is not: a webhook needs the database alone.
/// </summary>
internal sealed class BusHealth(IBusControl bus, bool needed, BrokerProbe? probe = null) : IHealthCheck
{
    /// <summary>
    /// Whether the bus works: MassTransit goes on calling one faulted whose start a broker refused once (a wrong password), although
    /// every consumer has come since.
    /// </summary>
    public static bool Works(BusHealthResult health) =>
        health.Status == BusHealthStatus.Healthy
        || (health.Endpoints.Count > 0 && health.Endpoints.Values.All(endpoint => endpoint.Status == BusHealthStatus.Healthy));

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var health = bus.CheckHealth();
        return Task.FromResult(Works(health)
            ? HealthCheckResult.Healthy(health.Status == BusHealthStatus.Healthy ? health.Description : null)
            : new HealthCheckResult(
                needed ? HealthStatus.Unhealthy : HealthStatus.Degraded,
                probe?.Trouble is { } trouble ? $"{health.Description}; the broker: {trouble}" : health.Description));
    }
}
