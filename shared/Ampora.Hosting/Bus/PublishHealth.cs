using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Hosting.Bus;

/// <summary>
/// Degraded while publishes go unconfirmed: a broker with a memory or disk alarm keeps connections open and takes nothing. Nothing is
/// lost then, since the database is the truth, but runs come late.
/// </summary>
internal sealed class PublishHealth(BusMessagePublisher publisher) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(publisher.UnconfirmedSince is { } since
            ? HealthCheckResult.Degraded($"The broker has confirmed nothing since {since:yyyy-MM-dd'T'HH:mm:ss'Z'}: it is away, or a memory or disk alarm blocks publishers.")
            : HealthCheckResult.Healthy());
}
