using Ampora.Simulation.Engine;
using Ampora.Wakeups;

namespace Ampora.Simulation.Proof;

/// <summary>What is known of claims, and of checks and how they end.</summary>
public sealed partial class Knowledge
{
    // In calm, what is wanted after a check that moved the tip is claimed by the same sweeper at once: two calls to the store, of at most 8 ms each.
    private static readonly long Promptly = TimeSpan.FromMilliseconds(50).Ticks;

    /// <summary>How often each situation was met.</summary>
    public Dictionary<string, int> Counts { get; } = new(StringComparer.Ordinal);

    /// <summary>A claim was granted.</summary>
    public void NoteClaimed(Claim claim, SimulatedProcess process)
    {
        Count("claims");
        var source = Find(claim.SourceId);
        Demand(source is not null && source.Uid == claim.SourceUid, Invariants.OneSweeper, $"{claim.SourceId} was claimed and does not exist");
        Demand(!source!.IsPaused, Invariants.SettingsHold, $"{claim.SourceId} was claimed and is paused");
        Demand(claim.Config == source.Config, Invariants.SettingsHold, $"{claim.SourceId} was claimed for settings {claim.Config} and has {source.Config}");
        Demand(claim.Url == source.Url, Invariants.PayloadOnlyWakes, $"{claim.SourceId} was claimed with {claim.Url}, and its operator said {source.Url}");
        Demand(source.Unserved.Count > 0, Invariants.NoNeedlessChecks, $"{claim.SourceId} was claimed and nobody had asked");
        Demand(claim.Covered == source.Asked, Invariants.AcceptedIsChecked, $"{claim.SourceId}: the claim covers {claim.Covered} requests of {source.Asked}");
        JudgeLease(source);
        JudgeWait(source);
        var at = new KnownClaim { Claim = claim, Process = process, Order = ++_order, At = timeline.Now, LeaseUntil = timeline.Now + policy.Lease.Ticks, Named = source.Named };
        JudgeHost(source);
        if (source.Claim is { Over: null } before)
            before.Over = Invariants.OneSweeper;
        (source.Claim, source.AgainBy) = (at, null);
    }

    /// <summary>A lease was prolonged.</summary>
    public void NoteRenewed(Claim claim)
    {
        if (Latest(claim) is not { } latest)
            return;
        latest.LeaseUntil = timeline.Now + policy.Lease.Ticks;
        _sources[claim.SourceId].SlowUntil = timeline.Now + policy.SlowFor.Ticks;
    }

    /// <summary>A claim was given back.</summary>
    public void NoteReleased(Claim claim)
    {
        if (Latest(claim) is { Over: null } latest)
            latest.Over = Invariants.OneSweeper;
    }

    /// <summary>A check runs, or has ended.</summary>
    public void NoteChecking(Claim claim, bool isChecking)
    {
        if (Latest(claim) is { } latest)
            latest.IsChecking = isChecking;
    }

    /// <summary>A host showed this commit to a claim's check.</summary>
    public void NoteRead(Claim claim, string sha)
    {
        if (Latest(claim) is not { } latest)
            return;
        latest.Read = (sha, ++_order);
        _sources[claim.SourceId].PushedAt = null;
    }

    /// <summary>A success was committed.</summary>
    public void NoteFinished(Claim claim, FinishedCheck finished)
    {
        Count(finished.Moved is null ? "unchanged" : "moved");
        var (source, latest) = JudgeEnd(claim);
        Demand(latest.Read.Order > latest.Order, Invariants.AcceptedIsChecked, $"{source.Id}: the tip was read before the claim");
        Demand(latest.Read.Sha == finished.TipSha, Invariants.PayloadOnlyWakes, $"{source.Id} shows {finished.TipSha}, and its host showed {latest.Read.Sha}");
        if (finished.Moved is not null)
        {
            Demand(source.Stored.Contains((claim.Config, finished.TipSha)), Invariants.CompleteSnapshots, $"{source.Id} shows {finished.TipSha}, whose tree is not stored");
            var sweeps = model.Source(source.Id).Sweeps;
            Demand(sweeps.Distinct().Count() == sweeps.Count, Invariants.UniqueSweeps, $"{source.Id} has two sweeps of one commit");
        }

        JudgeRun(source, claim, finished.Run, finished.TipSha, mayMakeRun: finished.Moved is { Skipped: false });
        Serve(source, latest, long.MaxValue, isUnchanged: finished.Moved is null);
        if (finished.IsTransition(claim) && claim.Trigger == "webhook")
            source.ProvedAt = timeline.Now;
        source.Failures = 0;
        source.SlowUntil = 0;
        if (finished.Moved is not null)
            source.TipConfig = claim.Config;
        source.Tip = finished.TipSha;
        if (finished.Moved is not null && source.Unserved.Count > 0)
            source.AgainBy = timeline.Now + Promptly;
        var quiet = finished.Moved is null ? timeline.Now + policy.QuietPeriod.Ticks : 0;
        source.LastEnd = new KnownEnd(timeline.Now, finished.Moved is null ? EndKind.Unchanged : EndKind.Moved, quiet, quiet);
    }

    /// <summary>It was committed that the tip is to be read again.</summary>
    public void NotePostponed(Claim claim, PostponedCheck postponed)
    {
        Count("postponed");
        var (source, latest) = JudgeEnd(claim);
        Demand(latest.Read.Order > latest.Order, Invariants.AcceptedIsChecked, $"{source.Id}: the tip was read before the claim");
        JudgeRun(source, claim, postponed.Run, source.Tip!, mayMakeRun: false);
        Serve(source, latest, postponed.Done, isUnchanged: true);
        if (postponed.Done > claim.Done)
            Count("postponed in part");
        source.Failures = 0;
        source.SlowUntil = 0;
        var quiet = timeline.Now + policy.QuietPeriod.Ticks;
        source.LastEnd = new KnownEnd(timeline.Now, EndKind.Postponed, quiet, quiet);
    }

    /// <summary>A failure was committed.</summary>
    public void NoteFailed(Claim claim, FailedCheck failed)
    {
        Count("failed");
        var (source, _) = JudgeEnd(claim);
        Demand(
            failed.Run is not null == (source.Failures == 0), Invariants.EachTransition, $"{source.Id}: the first failure in a row is a run, and no other; this is number {source.Failures + 1}");
        if (failed.Run is not null)
            NoteRun(source, failed.Run, failed.Message!.Id);
        source.Failures++;
        var floor = policy.PullForward;
        var backOff = policy.BackOff(source.Failures) * 0.75;
        if (_asked.Remove(claim, out var wish))
        {
            Count("retry after");
            wish = wish < policy.MaxRetryAfter ? wish : policy.MaxRetryAfter;
            floor = floor > wish ? floor : wish;
            backOff = backOff > wish ? backOff : wish;
        }

        source.LastEnd = new KnownEnd(timeline.Now, EndKind.Failed, timeline.Now + floor.Ticks, timeline.Now + backOff.Ticks);
    }

    /// <summary>A host asked a claim's check to be left alone for so long.</summary>
    public void NoteRetryAfter(Claim claim, TimeSpan retryAfter) => _asked[claim] = retryAfter;

    private readonly Dictionary<Claim, TimeSpan> _asked = new(ReferenceEqualityComparer.Instance);

    private KnownClaim? Latest(Claim claim) =>
        Find(claim.SourceId) is { } source && source.Uid == claim.SourceUid && source.Claim?.Claim.Fence == claim.Fence && source.Claim.Claim.Owner == claim.Owner ? source.Claim : null;

    private void JudgeLease(KnownSource source)
    {
        if (source.Claim is not { Over: null } held)
            return;
        Count(held.Process.IsAlive ? "lease ran out" : "lease of the dead");
        Demand(
            held.LeaseUntil <= timeline.Now || _jumpedAt >= held.At, Invariants.OneSweeper, $"{source.Id} was claimed while {held.Process.Name} had its lease");
        Demand(
            CalmSince is not { } since || held.At < since || !held.IsChecking || !held.Process.IsAlive,
            Invariants.OneSweeper,
            $"{source.Id} was claimed while {held.Process.Name} was checking it, well and alive");
    }

    private void JudgeWait(KnownSource source)
    {
        if (source.LastEnd is not { } end || _jumpedAt >= end.At)
            return;
        Demand(end.NotBefore <= timeline.Now, Invariants.NoNeedlessChecks, $"{source.Id} was claimed {Seconds(end)} s after a check that ended {end.Kind}, {Early(end.NotBefore)} s too early");
        // Once somebody asked, even before the failure was committed, the floor alone counts.
        var asked = source.Unserved.Exists(a => a.Kind != AskKind.Poll && a.At >= end.At);
        Demand(
            asked || end.NotBeforeUnasked <= timeline.Now,
            Invariants.NoNeedlessChecks,
            $"{source.Id} was claimed {Seconds(end)} s after a check that ended {end.Kind}, {Early(end.NotBeforeUnasked)} s too early for its back-off");
    }

    private double Seconds(KnownEnd end) => (timeline.Now - end.At) / (double)TimeSpan.TicksPerSecond;

    private double Early(long notBefore) => (notBefore - timeline.Now) / (double)TimeSpan.TicksPerSecond;

    private void JudgeHost(KnownSource source)
    {
        var (leases, remotes, alike) = LiveOn(source);
        Demand(leases < policy.LeasesPerHost, Invariants.NoStarvation, $"{source.Host} is checked {leases + 1} times at once");
        Demand(remotes < policy.MostChecksPerHost, Invariants.NoStarvation, $"{remotes + 1} remotes of {source.Host} are checked at once");
        Demand(
            KnowsNotWhoIsSlow || alike < Limit(source),
            Invariants.NoStarvation,
            $"{alike + 1} remotes of {source.Host} are checked at once that are {(IsSlow(source) ? "slow" : "not slow")}");
    }

    private bool IsFull(KnownSource source)
    {
        var (leases, remotes, alike) = LiveOn(source);
        return leases >= policy.LeasesPerHost || remotes >= policy.MostChecksPerHost || alike >= Limit(source) || (KnowsNotWhoIsSlow && remotes > 0);
    }

    private bool KnowsNotWhoIsSlow => _jumpedAt >= 0 && _jumpedAt >= timeline.Now - policy.SlowFor.Ticks;

    private bool IsSlow(KnownSource source) => source.SlowUntil > timeline.Now;

    private int Limit(KnownSource source) => IsSlow(source) ? policy.SlowChecksPerHost : policy.ChecksPerHost;

    // How many other sources of its host are being checked, how many other remotes, and how many of these are as slow, or not, as it is.
    private (int Leases, int Remotes, int Alike) LiveOn(KnownSource source)
    {
        var live = _sources.Values.Where(s => s != source && s.Host == source.Host && s.Claim is { Over: null } c && c.LeaseUntil > timeline.Now && c.At > _jumpedAt).ToList();
        var others = live.Where(s => s.Claim!.Claim.Url != source.Url).ToList();
        return (live.Count, Remotes(others), Remotes(others.Where(s => IsSlow(s) == IsSlow(source))));

        static int Remotes(IEnumerable<KnownSource> sources) => sources.Select(s => s.Claim!.Claim.Url).Distinct().Count();
    }

    private (KnownSource Source, KnownClaim Latest) JudgeEnd(Claim claim)
    {
        var latest = Latest(claim);
        Demand(latest is not null, Invariants.OneSweeper, $"{claim.SourceId}: {claim.Owner} committed under a claim that is not the latest");
        Demand(latest!.Over is null, latest.Over ?? "", $"{claim.SourceId}: {claim.Owner} committed under a claim that was over");
        var source = _sources[claim.SourceId];
        Demand(claim.Config == source.Config && !source.IsPaused, Invariants.SettingsHold, $"{claim.SourceId}: {claim.Owner} committed for settings that have changed");
        latest.Over = Invariants.OneAuditRecord;
        return (source, latest);
    }

    private void Serve(KnownSource source, KnownClaim latest, long upTo, bool isUnchanged)
    {
        foreach (var ask in source.Unserved.Where(a => a.Order < latest.Order && a.Number <= upTo))
        {
            Demand(latest.Read.Order > ask.Order, Invariants.AcceptedIsChecked, $"{source.Id}: request {ask.Number} was served by a tip read before it");
            if (isUnchanged && ask.Kind == AskKind.Webhook)
                JudgePatience(source, latest, ask);
            _served.Add((source.Uid, ask.Number));
        }

        source.Unserved.RemoveAll(a => a.Order < latest.Order && a.Number <= upTo);
    }

    private readonly HashSet<(Guid Uid, long Number)> _served = [];

    private void JudgePatience(KnownSource source, KnownClaim latest, KnownAsk ask)
    {
        if (_jumpedAt >= ask.At || source.ExpectsSince >= ask.At)
            return;
        var waited = latest.At - ask.At;
        if (ask.Announced is not null && latest.Named.Sha == ask.Announced && ask.Announced != latest.Read.Sha)
        {
            Demand(
                waited >= policy.ExpectFor.Ticks,
                Invariants.LaterPushIsSeen,
                $"{source.Id}: a webhook announced {ask.Announced}, the host showed {latest.Read.Sha}, and {waited / TimeSpan.TicksPerMillisecond} ms later nobody waits for it any more");
        }

        if (ask.Announced is null && latest.Named.At + policy.ExpectFor.Ticks < ask.At)
            Demand(waited >= policy.RereadEvery.Ticks, Invariants.LaterPushIsSeen, $"{source.Id}: a webhook that named no commit was looked for once");
    }

    /// <summary>Counts a situation, to show that the simulation meets it.</summary>
    public void Count(string what) => Counts[what] = Counts.GetValueOrDefault(what) + 1;
}
