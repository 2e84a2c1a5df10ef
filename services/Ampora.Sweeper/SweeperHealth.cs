using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Sweeper;

/// <summary>Tells what the sweeper is doing. It is healthy while it runs: whether the store and the bus answer is asked elsewhere.</summary>
internal sealed class SweeperHealth(Sweeps sweeps) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var last = sweeps.SinceLast is { } since
            ? string.Create(CultureInfo.InvariantCulture, $"the last ended {since.TotalSeconds:F1} s ago")
            : "none has ended yet";
        return Task.FromResult(HealthCheckResult.Healthy($"{sweeps.Running} checks running; {last}"));
    }
}
