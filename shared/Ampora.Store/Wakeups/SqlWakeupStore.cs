using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups.Sql;
using Ampora.Wakeups;

namespace Ampora.Store.Wakeups;

/// <summary>
/// The wake-up protocol's seam in SQL. Transactions lock in one order: a host's advisory lock, wake-up rows by id, the rest, sequences.
/// </summary>
internal sealed partial class SqlWakeupStore(Database<StoreContext> database, WakeupPolicy policy) : IWakeupStore
{
    private readonly (string Name, object? Value)[] _policy = Conditions.Of(policy);

    public TimeProvider Time => database.Time;

    public double NextJitter() => Random.Shared.NextDouble();

    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken) =>
        WriteAsync((session, token) => Asking.RunAsync(session, asks, policy, token), cancellationToken);

    public async Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Null: the source moved to another host between the lock and the claim, which was rolled back.
            if (await TryClaimAsync(sourceId, owner, cancellationToken) is { } result)
                return result;
        }
    }

    public async Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken) =>
        await NoteAsync((session, token) => session.ExecuteAsync(ClaimStatements.Renew, [.. _policy, .. Conditions.Of(claim)], token), cancellationToken) > 0;

    public async Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken) =>
        await NoteAsync((session, token) => session.ExecuteAsync(ClaimStatements.Release, Conditions.Of(claim), token), cancellationToken) > 0;

    public async Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken)
    {
        await using var context = database.Read();
        var session = await StoreSession.OpenAsync(context, cancellationToken);
        var asked = await session.ReadAsync(
            ClaimStatements.ReadTriggers,
            [("id", claim.SourceId), ("done", claim.Done), ("covered", claim.Covered), ("limit", limit)],
            row => row.Bool(0)
                ? new RunTrigger("webhook", row.String(1), null, row.StringOrNull(2))
                : new RunTrigger("manual", row.StringOrNull(4), row.String(1), row.StringOrNull(2)),
            cancellationToken);
        return asked.Count == 0 && !claim.CoversWebhook && !claim.CoversManual ? [new RunTrigger("poll", null, null, null)] : asked;
    }

    public async Task<IReadOnlyList<string>> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken)
    {
        List<(string Id, DateTimeOffset? AskedAt)> taken = [];
        await NoteAsync(
            async (session, token) =>
            {
                taken = [];
                // Under the host's lock, so that a claim that is just being refused is either noted before this looks, or sees the free place.
                await session.RunAsync(
                    [
                        new(ClaimStatements.LockHost, [("host", host)], _ => { }),
                        new(ClaimStatements.TakeWaiting, [.. _policy, ("host", host)], row => taken.Add((row.String(0), row.TimeOrNull(1)))),
                    ],
                    token);
                return true;
            },
            cancellationToken);
        return [.. taken.OrderBy(t => t.AskedAt).Select(t => t.Id)];
    }

    private async Task<ClaimResult?> TryClaimAsync(string sourceId, string owner, CancellationToken cancellationToken)
    {
        try
        {
            return await NoteAsync((session, token) => ClaimInTransactionAsync(session, sourceId, owner, token), cancellationToken);
        }
        catch (HostChangedException)
        {
            return null;
        }
    }

    private async Task<ClaimResult> ClaimInTransactionAsync(StoreSession session, string sourceId, string owner, CancellationToken cancellationToken)
    {
        string? lockedHost = null;
        Claim? claim = null;
        (string Name, object? Value)[] parameters = [.. _policy, .. Conditions.Expectations(policy), ("id", sourceId), ("owner", owner)];
        await session.RunAsync(
            [
                new(ClaimStatements.LockHostOfSource, parameters, row => lockedHost = row.String(0)),
                new(ClaimStatements.Claim, parameters, row => claim = ReadClaim(row, sourceId, owner)),
                new(ClaimStatements.ReadSource, parameters, row => claim = claim is null ? null : claim with
                {
                    SourceUid = row.Guid(0),
                    Url = row.String(1),
                    Ref = row.String(2),
                    // Those beyond the host's limit cannot join.
                    Companions = (int)Math.Clamp(policy.LeasesPerHost - row.Long(4), 0, row.Long(3)),
                }),
            ],
            cancellationToken);
        if (claim is not null)
            return claim.Host == lockedHost ? new ClaimResult(claim, null) : throw new HostChangedException();

        var refusals = await session.ReadAsync(
            ClaimStatements.Refusal,
            parameters,
            row => (Wanted: row.Bool(0), HeldBack: row.Bool(1), Wait: row.SpanOrNull(2), HostIsFull: row.Bool(3)),
            cancellationToken);
        if (refusals is not [{ Wanted: true } refusal])
            return ClaimResult.None;
        if (refusal.HeldBack)
            return refusal.Wait <= policy.RecentWakeup ? new ClaimResult(null, refusal.Wait) : ClaimResult.None;
        if (refusal.HostIsFull)
        {
            await session.ExecuteAsync(ClaimStatements.WaitForHost, parameters, cancellationToken);
            return ClaimResult.None;
        }

        // What refused the claim ended while this looked for it.
        return new ClaimResult(null, TimeSpan.Zero);
    }

    private static Claim ReadClaim(Row row, string sourceId, string owner) => new()
    {
        SourceId = sourceId,
        SourceUid = Guid.Empty,
        Owner = owner,
        Fence = row.Long(0),
        Covered = row.Long(1),
        Done = row.Long(2),
        CoversWebhook = row.Bool(3),
        CoversManual = row.Bool(4),
        HasRun = row.Bool(5),
        AskedAt = row.TimeOrNull(6) ?? row.Time(7),
        ClaimedAt = row.Time(7),
        Config = row.Long(8),
        Host = row.String(9),
        Url = "",
        Ref = "",
        TipSha = row.StringOrNull(10),
        Failures = row.Int(11),
        LatestWebhook = row.Long(12),
        ExpectedSha = row.StringOrNull(13),
        ExpectationIsOpen = row.Bool(14),
        RereadCovers = row.LongOrNull(15),
        RereadAt = row.TimeOrNull(16),
        RereadIsDue = row.Bool(17),
        TipRef = row.StringOrNull(18),
        TipConfig = row.LongOrNull(19),
        IsSlow = row.Bool(20),
    };

    /// <summary>For what others are told of: requests and results.</summary>
    private Task<T> WriteAsync<T>(Func<StoreSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        database.WriteAsync((context, token) => work(new StoreSession(context), token), cancellationToken);

    /// <summary>
    /// For what is only done again when a crash of the machine takes it back: claims, and who was woken when. A later commit is never kept without it.
    /// </summary>
    private Task<T> NoteAsync<T>(Func<StoreSession, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        database.WriteAsync((context, token) => work(new StoreSession(context, Durability.Deferred), token), Durability.Deferred, cancellationToken);

    /// <summary>The claim counted the leases of a host that was not locked, so it must not stand.</summary>
    private sealed class HostChangedException : Exception;
}
