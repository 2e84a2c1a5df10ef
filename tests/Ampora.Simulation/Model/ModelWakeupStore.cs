using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>
/// The store as plain objects: what the SQL must do, written once more as simply as can be. Each call is atomic; the clock is the
/// test's.
/// </summary>
public sealed partial class ModelWakeupStore(TimeProvider clock, WakeupPolicy policy, int seed = 0, ModelRules? rules = null) : IWakeupStore
{
    private readonly Lock _gate = new();
    private readonly ModelRules _rules = rules ?? new();
    private readonly Random _random = new Random(seed);
    private readonly SortedDictionary<string, ModelSource> _sources = new(StringComparer.Ordinal);
    private double _tokens = 1;
    private DateTimeOffset _tokensAt = clock.GetUtcNow();

    public TimeProvider Time => clock;

    public Dictionary<Guid, ModelMessage> Outbox { get; } = [];

    public Dictionary<string, long> AuditIds { get; } = [];

    /// <summary>All sources, by id.</summary>
    public IEnumerable<ModelSource> Sources => _sources.Values;

    /// <summary>The clock of whoever calls: what leases are wrongly measured by when <see cref="ModelRules.LeasesByStoreClock"/> is off.</summary>
    public TimeProvider CallersClock { get; set; } = TimeProvider.System;

    private DateTimeOffset Now => clock.GetUtcNow();

    private DateTimeOffset LeaseNow => _rules.LeasesByStoreClock ? Now : CallersClock.GetUtcNow();

    public double NextJitter()
    {
        lock (_gate)
            return _random.NextDouble();
    }

    public ModelSource Source(string id)
    {
        lock (_gate)
            return _sources[id];
    }

    public Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_sources.TryGetValue(sourceId, out var source) || (_rules.ClaimNeedsWanted && source.Wanted <= source.Done) || IsPaused(source) || IsLeased(source))
                return Task.FromResult(ClaimResult.None);
            if (IsHeldBack(source))
            {
                var wait = source.NotBefore!.Value - Now;
                return Task.FromResult(wait <= policy.RecentWakeup ? new ClaimResult(null, wait) : ClaimResult.None);
            }

            if (!HostHasPlace(source))
            {
                source.WaitingForHost = true;
                return Task.FromResult(ClaimResult.None);
            }

            if (_rules.ClaimRaisesFence)
                source.Fence++;
            source.LeaseOwner = owner;
            source.LeaseUntil = LeaseNow + policy.Lease;
            source.AskedSinceClaimAt = null;
            source.WaitingForHost = false;
            return Task.FromResult(new ClaimResult(MakeClaim(source, owner), null));
        }
    }

    public Task<bool> RenewAsync(Claim claim, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (Held(claim) is not { } source)
                return Task.FromResult(false);
            source.LeaseUntil = LeaseNow + policy.Lease;
            source.SlowUntil = Now + policy.SlowFor;
            return Task.FromResult(true);
        }
    }

    public Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var source = _sources.GetValueOrDefault(claim.SourceId);
            var asked = (source?.Deliveries ?? []).Where(d => Covers(claim, d.Ask))
                .Select(d => (d.Ask, Trigger: new RunTrigger("webhook", d.Delivery.DeliveryId, null, d.Delivery.RemoteIp)))
                .Concat((source?.Requests ?? []).Where(r => Covers(claim, r.Ask)).Select(r => ((long?)r.Ask, Trigger: new RunTrigger("manual", r.DeliveryId, r.Id, r.Actor))))
                .OrderBy(t => t.Item1).Select(t => t.Trigger).Take(limit).ToList();
            // Those that asked may have gone with their source.
            return Task.FromResult<IReadOnlyList<RunTrigger>>(
                asked.Count > 0 || claim.CoversWebhook || claim.CoversManual ? asked : [new RunTrigger("poll", null, null, null)]);
        }
    }

    private static bool Covers(Claim claim, long? ask) => ask > claim.Done && ask <= claim.Covered;

    private static void EndLease(ModelSource source)
    {
        source.Fence++;
        source.LeaseOwner = null;
        source.LeaseUntil = null;
    }

    private ModelSource? Held(Claim claim) =>
        _sources.TryGetValue(claim.SourceId, out var source)
        && (!_rules.IncarnationGuards || source.Uid == claim.SourceUid)
        && (!_rules.FenceGuards || (source.LeaseOwner == claim.Owner && source.Fence == claim.Fence))
            ? source
            : null;

    private bool IsPaused(ModelSource source) => _rules.ClaimRespectsPause && source.Paused;

    private bool IsLeased(ModelSource source) => _rules.ClaimRespectsLease && source.LeaseUntil > LeaseNow
        && (!_rules.LeaseHeals || source.LeaseUntil <= LeaseNow + policy.Lease + policy.ClockSlack);

    private bool IsHeldBack(ModelSource source) => _rules.ClaimWaitsForNotBefore && source.NotBefore > Now
        && (!_rules.NotBeforeHeals || source.NotBeforeSetAt <= Now + policy.ClockSlack);

    private bool IsClaimable(ModelSource source) => (source.Wanted > source.Done || !_rules.ClaimNeedsWanted) && !IsPaused(source) && !IsLeased(source) && !IsHeldBack(source);

    private Claim MakeClaim(ModelSource source, string owner) => new()
    {
        SourceId = source.Id,
        SourceUid = source.Uid,
        Owner = owner,
        Fence = source.Fence,
        Covered = source.Wanted,
        Done = source.Done,
        CoversWebhook = source.WantedWebhook > source.Done,
        CoversManual = source.WantedManual > source.Done,
        HasRun = source.Runs.Count > 0,
        AskedAt = source.AskedAt ?? Now,
        ClaimedAt = Now,
        Config = source.Config,
        Host = source.Host,
        Url = source.Url,
        Ref = source.Ref,
        TipSha = source.TipSha,
        TipRef = source.TipRef,
        TipConfig = source.TipConfig,
        Companions = Math.Clamp(
            policy.LeasesPerHost - LeasedOnHostOf(source).Count(), 0, _sources.Values.Count(s => s != source && s.Url == source.Url && IsClaimable(s))),
        Failures = source.Failures,
        IsSlow = IsSlow(source),
        LatestWebhook = source.WantedWebhook,
        ExpectedSha = source.ExpectedSha,
        ExpectationIsOpen = IsExpecting(source),
        RereadCovers = source.RereadCovers,
        RereadAt = source.RereadCovers is null ? null : source.RereadAt,
        RereadIsDue = source.RereadCovers is not null && (source.RereadAt <= Now || (_rules.RereadHeals && source.RereadAt > Now + policy.ExpectFor + policy.ClockSlack)),
    };
}
