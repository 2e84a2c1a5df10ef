using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Scheduler;

/// <summary>Tells which of the scheduler's work fails. Degraded and not unhealthy: the scheduler itself goes on, and restarting it mends nothing.</summary>
internal sealed class SchedulerHealth(SchedulerLoops loops, Acknowledgements acknowledgements) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var failing = acknowledgements.Failing ? [.. loops.Failing, "acknowledgements"] : loops.Failing;
        return Task.FromResult(failing.Count == 0
            ? HealthCheckResult.Healthy("all loops work")
            : HealthCheckResult.Degraded($"failing: {string.Join(", ", failing)}"));
    }
}
