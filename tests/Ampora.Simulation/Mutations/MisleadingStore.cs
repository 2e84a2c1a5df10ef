using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Simulation.Mutations;

/// <summary>Between the protocol and its store: passes everything on, but for what a mutation changes, so that a rule of the protocol does not work.</summary>
public class MisleadingStore(IWakeupStore store) : IWakeupStore
{
    public TimeProvider Time => store.Time;

    public double NextJitter() => store.NextJitter();

    public virtual Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) => store.AskAsync(asks, cancellationToken);

    public virtual Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken) => store.ClaimAsync(sourceId, owner, cancellationToken);

    public virtual Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) => store.RenewAsync(claim, cancellationToken);

    public Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken) => store.ReadTriggersAsync(claim, limit, cancellationToken);

    public virtual Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken) => store.FinishAsync(claim, finished, cancellationToken);

    public virtual Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken) => store.FailAsync(claim, failed, cancellationToken);

    public virtual Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken) => store.PostponeAsync(claim, postponed, cancellationToken);

    public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken) => store.ReleaseAsync(claim, cancellationToken);

    public Task<IReadOnlyList<string>> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken) => store.TakeWaitingForHostAsync(host, cancellationToken);

    public Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken) => store.TakeDuePollsAsync(limit, cancellationToken);

    public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken) => store.TakeUnfinishedAsync(limit, cancellationToken);

    public Task<IReadOnlyList<JudgedCommit>> TakeUnannouncedAsync(TimeSpan grace, int limit, CancellationToken cancellationToken) =>
        store.TakeUnannouncedAsync(grace, limit, cancellationToken);

    public Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken) => store.TakeUnacknowledgedAsync(limit, cancellationToken);

    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) => store.AcknowledgeAsync(committed, cancellationToken);
}

/// <summary>Says that nothing more is wanted: so a sweep is not followed by another.</summary>
public sealed class SatisfiedStore(IWakeupStore store) : MisleadingStore(store)
{
    public override async Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken) =>
        await base.FinishAsync(claim, finished, cancellationToken) with { MoreWanted = false };
}

/// <summary>Says that a lease was prolonged, and prolongs none.</summary>
public sealed class ForgetfulStore(IWakeupStore store) : MisleadingStore(store)
{
    public override Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) => Task.FromResult(true);
}

/// <summary>Says of each claim that no check failed before it: so each failure is the first, and nothing recovers.</summary>
public sealed class ForgivingStore(IWakeupStore store) : MisleadingStore(store)
{
    public override async Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken)
    {
        var result = await base.ClaimAsync(sourceId, owner, cancellationToken);
        return result with { Claim = result.Claim is null ? null : result.Claim with { Failures = 0 } };
    }
}

/// <summary>Says of requests that they are accepted, and commits them only in half of the cases.</summary>
public sealed class OptimisticStore(IWakeupStore store) : MisleadingStore(store)
{
    public override Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) =>
        NextJitter() < 0.5 ? base.AskAsync(asks, cancellationToken) : Task.FromResult<IReadOnlyList<AskOutcome>>([.. asks.Select(_ => AskOutcome.Accepted)]);
}

/// <summary>Finishes a check that is to be postponed, as if a host never lagged.</summary>
public sealed class ImpatientStore(IWakeupStore store) : MisleadingStore(store)
{
    public override Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken) => FinishAsync(
        claim, new FinishedCheck { TipSha = claim.TipSha!, RefName = "refs/heads/main", Run = postponed.Run, Message = postponed.Message }, cancellationToken);
}
