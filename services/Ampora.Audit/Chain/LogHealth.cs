using Ampora.Audit.Model;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Ampora.Audit.Chain;

/// <summary>Whether the log can be read, and how long it is.</summary>
internal sealed class LogHealth(Database<AuditContext> database) : IHealthCheck
{
    // Whoever asks, asks every few seconds; a database that takes longer for one row is not well.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using var deadline = new CancellationTokenSource(Deadline, database.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            await using var reading = database.Read();
            return await reading.Heads.AsNoTracking().SingleOrDefaultAsync(either.Token) is { } head
                ? HealthCheckResult.Healthy($"{head.LastId} entries")
                : HealthCheckResult.Unhealthy("the head of the chain is missing: restore the audit database from a backup");
        }
        catch (Exception e) when (e is System.Data.Common.DbException or InvalidOperationException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy($"the audit database does not answer ({e.GetType().Name})");
        }
    }
}
