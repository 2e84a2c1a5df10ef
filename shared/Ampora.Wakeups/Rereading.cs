namespace Ampora.Wakeups;

/// <summary>
/// Decides whether a tip that has not moved is read again. A Git host's replicas lag: the webhook arrives, and the tip that is read is still the old one. What a
/// webhook says is never trusted, it is only a reason to look again.
/// </summary>
internal static class Rereading
{
    /// <summary>Decides for a check that found the tip unchanged.</summary>
    /// <param name="claim">The claim of the check.</param>
    /// <param name="tip">The tip that it read.</param>
    /// <param name="policy">The times.</param>
    /// <returns>Null: the check is finished. Otherwise what to commit instead, without a run.</returns>
    public static PostponedCheck? Decide(Claim claim, string tip, WakeupPolicy policy)
    {
        // A webhook that came longer ago than any replica lags has been answered by this reading.
        if (!claim.CoversWebhook || !claim.ExpectationIsOpen)
            return null;
        // The announced commit is the tip already.
        if (claim.ExpectedSha == tip)
            return null;

        // A webhook that names a commit is awaited until its time is over, one that names none is read for once more. What is awaited is marked, so that under
        // a stream of webhooks the first of them are answered in their time, and each reading may answer some.
        var patience = claim.ExpectedSha is null ? policy.RereadEvery : policy.ExpectFor;
        if (claim is not { RereadCovers: { } marked, RereadAt: { } due })
            return Postpone(claim.Done, claim.Covered, claim.ClaimedAt + patience);
        if (!claim.RereadIsDue)
            return Postpone(claim.Done, marked, due);
        return claim.LatestWebhook <= marked ? null : Postpone(marked, claim.Covered, claim.ClaimedAt + patience);

        PostponedCheck Postpone(long done, long covers, DateTimeOffset at) => new() { Done = done, RereadCovers = covers, RereadAt = at };
    }
}
