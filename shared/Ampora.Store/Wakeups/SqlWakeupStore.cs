using Ampora.Contracts;
using Ampora.Database;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>The wake-up protocol's seam in SQL.</summary>
internal sealed class SqlWakeupStore(Database<StoreContext> database, WakeupPolicy policy) : IWakeupStore
{
    public TimeProvider Time => database.Time;
    public double NextJitter() => Random.Shared.NextDouble();
    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) => throw new NotImplementedException($"{policy}");
    public Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<string?> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken) => throw new NotImplementedException();
    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) => throw new NotImplementedException();
}
