using Ampora.Contracts;
using Ampora.Simulation.Engine;
using Ampora.Simulation.Model;
using Ampora.Simulation.Proof;
using Ampora.Wakeups;

namespace Ampora.Simulation.World;

/// <summary>The store as a process reaches it: the model, behind a database that may fail at any point. Whatever commits is made known at the commit.</summary>
public sealed class StoreConnection(Timeline timeline, SimulatedProcess process, Database database, ModelWakeupStore model, Knowledge known) : IWakeupStore
{
    public TimeProvider Time => process.Clock;

    public double NextJitter() => timeline.Chance.NextDouble();

    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) =>
        CallAsync("asks for", asks[0].SourceId, () => model.AskAsync(asks, default), outcomes => known.NoteAsked(asks, outcomes), cancellationToken);

    public Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken) => CallAsync(
        "claims",
        sourceId,
        () => model.ClaimAsync(sourceId, owner, default),
        result =>
        {
            if (result.Claim is { } claim)
                known.NoteClaimed(claim, process);
            timeline.Trace.Note(timeline.Now, process.Name, result.Claim is null ? "no claim" : "claim", sourceId, result.Claim?.Covered ?? 0);
        },
        cancellationToken);

    public Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) => CallAsync(
        "renews",
        claim.SourceId,
        () => model.RenewAsync(claim, default),
        renewed =>
        {
            if (renewed)
                known.NoteRenewed(claim);
            else
                known.Count("renewal refused");
        },
        cancellationToken);

    public Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken) =>
        CallAsync("reads triggers of", claim.SourceId, () => model.ReadTriggersAsync(claim, limit, default), null, cancellationToken);

    public Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken) => CallAsync(
        "finishes", claim.SourceId, () => model.FinishAsync(claim, finished, default), result => Note(result, () => known.NoteFinished(claim, finished)), cancellationToken);

    public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken) => CallAsync(
        "fails", claim.SourceId, () => model.FailAsync(claim, failed, default), result => Note(result, () => known.NoteFailed(claim, failed)), cancellationToken);

    public Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken) => CallAsync(
        "postpones",
        claim.SourceId,
        () => model.PostponeAsync(claim, postponed, default),
        result => Note(result, () => known.NotePostponed(claim, postponed)),
        cancellationToken);

    public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken) => CallAsync(
        "releases",
        claim.SourceId,
        () => model.ReleaseAsync(claim, default),
        released =>
        {
            if (released)
                known.NoteReleased(claim);
            known.Count("released");
        },
        cancellationToken);

    public Task<IReadOnlyList<string>> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken) =>
        TakeAsync("looks who waits for", host, () => model.TakeWaitingForHostAsync(host, default), null, cancellationToken);

    public Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken) =>
        TakeAsync("takes polls", null, () => model.TakeDuePollsAsync(limit, default), known.NotePolled, cancellationToken);

    public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken) =>
        TakeAsync("takes unfinished", null, () => model.TakeUnfinishedAsync(limit, default), null, cancellationToken);

    public Task<IReadOnlyList<JudgedCommit>> TakeUnannouncedAsync(TimeSpan grace, int limit, CancellationToken cancellationToken) =>
        TakeAsync("judges", null, () => model.TakeUnannouncedAsync(grace, limit, default), known.NoteJudged, cancellationToken);

    public Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken) =>
        TakeAsync("takes messages", null, () => model.TakeUnacknowledgedAsync(limit, default), null, cancellationToken);

    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken) => DoAsync(
        "acknowledges", committed.RunId, () => model.AcknowledgeAsync(committed, default), cancellationToken);

    /// <summary>Stages a tree, as a check does before its finish.</summary>
    public Task StageAsync(Claim claim, string sha, CancellationToken cancellationToken) => DoAsync(
        "stages",
        sha,
        () =>
        {
            model.Stage(claim, sha);
            known.NoteStored(claim, sha);
        },
        cancellationToken);

    /// <summary>Looks whether a tree was swept before and is kept: one that was only staged may be of a source of this name that was deleted meanwhile.</summary>
    public Task<bool> HasTreeAsync(Claim claim, string sha, CancellationToken cancellationToken) => database.CallAsync(
        process,
        "looks for",
        sha,
        () => known.Find(claim.SourceId) is not null
            && model.Source(claim.SourceId) is var source && source.Sweeps.Contains((claim.Config, sha)) && source.Snapshots.Contains((claim.Config, sha)),
        cancellationToken);

    /// <summary>A transaction of the Console's, or a read.</summary>
    public Task DoAsync(string what, string? about, Action transaction, CancellationToken cancellationToken) => database.CallAsync(
        process,
        what,
        about,
        () =>
        {
            transaction();
            known.CompareRows();
            return true;
        },
        cancellationToken);

    private void Note(FinishResult result, Action note)
    {
        if (result.Committed)
            note();
        else
            known.Count(result.SnapshotVanished ? "tree vanished" : "commit refused");
    }

    private Task<T> CallAsync<T>(string what, string? about, Func<Task<T>> call, Action<T>? note, CancellationToken cancellationToken) => database.CallAsync(
        process,
        what,
        about,
        () =>
        {
            model.CallersClock = process.Clock;
            var result = call().GetAwaiter().GetResult();
            note?.Invoke(result);
            known.CompareRows();
            return result;
        },
        cancellationToken);

    private Task<IReadOnlyList<T>> TakeAsync<T>(
        string what, string? about, Func<Task<IReadOnlyList<T>>> take, Action<IReadOnlyList<T>>? note, CancellationToken cancellationToken) => database.CallAsync(
        process,
        what,
        about,
        () =>
        {
            model.CallersClock = process.Clock;
            var taken = take().GetAwaiter().GetResult();
            // Most turns find nothing to take, and change nothing.
            if (taken.Count > 0)
            {
                note?.Invoke(taken);
                known.CompareRows();
            }

            return taken;
        },
        cancellationToken);
}
