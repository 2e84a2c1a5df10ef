using Microsoft.Extensions.Diagnostics.HealthChecks;
using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace Ampora.Gateway.Replicas;

/// <summary>
/// How many replicas of each service answer their probes. Never a reason to take the gateway itself out of service: then nobody would
/// even be told to try again.
/// </summary>
internal sealed class ReplicaHealth(IProxyStateLookup proxy) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var counts = new[] { ReplicaRoutes.Ingress, ReplicaRoutes.Console }.Select(service =>
        {
            var all = proxy.TryGetCluster(service, out var cluster) ? cluster.DestinationsState.AllDestinations : [];
            return (service, all.Count, Healthy: all.Count(replica => replica.Health is { Active: not DestinationHealth.Unhealthy, Passive: not DestinationHealth.Unhealthy }));
        }).ToArray();
        var told = string.Join(", ", counts.Select(count => $"{count.service} {count.Healthy} of {count.Count}"));
        return Task.FromResult(Array.TrueForAll(counts, count => count.Healthy > 0) ? HealthCheckResult.Healthy(told) : HealthCheckResult.Degraded(told));
    }
}
