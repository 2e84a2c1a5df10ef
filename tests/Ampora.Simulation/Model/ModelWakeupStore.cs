using Ampora.Contracts;
using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>
/// The store as plain objects: what the SQL must do, written once more as simply as can be. Each call is atomic; the clock is the
/// test's.
/// </summary>
public sealed partial class ModelWakeupStore(TimeProvider clock, WakeupPolicy policy, int seed = 0) : IWakeupStore
{
    private readonly Lock _gate = new();
    private readonly Random _random = new Random(seed);
    private readonly SortedDictionary<string, ModelSource> _sources = new(StringComparer.Ordinal);
    private double _tokens = 1;
    private DateTimeOffset _tokensAt = clock.GetUtcNow();

    public TimeProvider Time => clock;

    public Dictionary<Guid, ModelMessage> Outbox { get; } = [];

    public Dictionary<string, long> AuditIds { get; } = [];

    private DateTimeOffset Now => clock.GetUtcNow();

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

    /// <summary>What the Console does when it creates a source.</summary>
    public ModelSource Create(string id, string host = "git.test:443", TimeSpan? interval = null, bool adaptive = false, string? remote = null)
    {
        lock (_gate)
        {
            var source = new ModelSource
            {
                Id = id,
                Uid = new Guid(_random.Next(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
                Host = host,
                Url = remote ?? $"https://{host}/{id}.git",
                PollInterval = interval ?? TimeSpan.FromSeconds(60),
                BasePollInterval = interval ?? TimeSpan.FromSeconds(60),
                Adaptive = adaptive,
            };
            source.NextPollAt = Now + (source.PollInterval * _random.NextDouble());
            _sources.Add(id, source);
            AskManually(source, $"req_create_{id}", "system");
            return source;
        }
    }

    /// <summary>What the Console does when URL, ref or credential change.</summary>
    public void ChangeSettings(string id)
    {
        lock (_gate)
        {
            var source = _sources[id];
            source.Config++;
            EndLease(source);
            source.TipRef = source.MovedTo = null;
            source.NotBefore = source.NotBeforeSetAt = source.RetryAfterUntil = null;
            ExpectNothing(source);
            if (!source.Paused)
                AskManually(source, $"req_change_{source.Config}", "system");
        }
    }

    public void Pause(string id)
    {
        lock (_gate)
        {
            _sources[id].Paused = true;
            EndLease(_sources[id]);
            ExpectNothing(_sources[id]);
        }
    }

    public void Resume(string id)
    {
        lock (_gate)
        {
            _sources[id].Paused = false;
            AskManually(_sources[id], $"req_resume_{_sources[id].Wanted}", "system");
        }
    }

    public void ChangeSecrets(string id)
    {
        lock (_gate)
            _sources[id].SecretVersion++;
    }

    public void Delete(string id)
    {
        lock (_gate)
            _sources.Remove(id);
    }

    public Task<IReadOnlyList<AskOutcome>> AskAsync(IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        lock (_gate)
            return Task.FromResult<IReadOnlyList<AskOutcome>>([.. asks.Select(AskOne)]);
    }

    public Task<ClaimResult> ClaimAsync(string sourceId, string owner, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_sources.TryGetValue(sourceId, out var source) || source.Wanted <= source.Done || source.Paused || IsLeased(source))
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

            source.Fence++;
            source.LeaseOwner = owner;
            source.LeaseUntil = Now + policy.Lease;
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
            source.LeaseUntil = Now + policy.Lease;
            return Task.FromResult(true);
        }
    }

    public Task<IReadOnlyList<RunTrigger>> ReadTriggersAsync(Claim claim, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_sources.TryGetValue(claim.SourceId, out var source))
                return Task.FromResult<IReadOnlyList<RunTrigger>>([]);
            var asked = source.Deliveries.Where(d => Covers(claim, d.Ask))
                .Select(d => (d.Ask, Trigger: new RunTrigger("webhook", d.Delivery.DeliveryId, null, d.Delivery.RemoteIp)))
                .Concat(source.Requests.Where(r => Covers(claim, r.Ask)).Select(r => ((long?)r.Ask, Trigger: new RunTrigger("manual", r.DeliveryId, r.Id, r.Actor))))
                .OrderBy(t => t.Item1).Select(t => t.Trigger).Take(limit).ToList();
            return Task.FromResult<IReadOnlyList<RunTrigger>>(asked.Count > 0 ? asked : [new RunTrigger("poll", null, null, null)]);
        }
    }

    public Task<FinishResult> FinishAsync(Claim claim, FinishedCheck finished, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (Held(claim) is not { } source || source.Done >= claim.Covered)
                return Task.FromResult(default(FinishResult));
            if (finished.Moved is { } moved && !source.Snapshots.Contains((claim.Config, moved.Sha)))
                return Task.FromResult(new FinishResult(false, false, SnapshotVanished: true));
            NoteTip(source, claim, finished);
            Record(source, finished.Run, finished.Message);
            Settle(source, claim, claim.Covered, finished.Run is null ? "unchanged" : "run", finished.Run?.Summary.RunId);
            source.Done = claim.Covered;
            source.AskedAt = source.AskedSinceClaimAt;
            source.Failures = 0;
            source.FailureRunId = null;
            source.RetryAfterUntil = null;
            if (source.WantedWebhook <= claim.Covered)
                source.ExpectedUntil = null;
            source.RereadCovers = null;
            HoldBack(source, finished.Quiet ? policy.QuietPeriod : null);
            EndLease(source);
            if (finished.IsTransition(claim))
                NoteFound(source, claim);
            return Task.FromResult(new FinishResult(true, source.Wanted > source.Done));
        }
    }

    public Task<FinishResult> FailAsync(Claim claim, FailedCheck failed, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (Held(claim) is not { } source || source.Done >= claim.Covered)
                return Task.FromResult(default(FinishResult));
            Record(source, failed.Run, failed.Message);
            source.Failures++;
            source.FailureRunId = failed.Run?.Summary.RunId ?? source.FailureRunId;
            Settle(source, claim, claim.Covered, "failed", source.FailureRunId);
            source.RetryAfterUntil = Now + failed.RetryAfter;
            HoldBack(source, failed.BackOff);
            EndLease(source);
            return Task.FromResult(new FinishResult(true, true));
        }
    }

    public Task<bool> ReleaseAsync(Claim claim, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (Held(claim) is not { } source)
                return Task.FromResult(false);
            EndLease(source);
            return Task.FromResult(true);
        }
    }

    public Task<IReadOnlyList<string>> TakeDuePollsAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var rate = policy.PollRateFactor * _sources.Values.Where(s => !s.Paused).Sum(s => 1 / s.PollInterval.TotalSeconds);
            var elapsed = Math.Max(0, (Now - _tokensAt).TotalSeconds);
            _tokens = Math.Min(1 + (rate * policy.PollBurst.TotalSeconds), _tokens + (rate * elapsed));
            _tokensAt = Now;

            foreach (var wanted in _sources.Values.Where(s => !s.Paused && IsDue(s) && s.Wanted > s.Done))
                ScheduleNextPoll(wanted);
            var due = _sources.Values.Where(s => !s.Paused && IsDue(s)).OrderByDescending(s => s.NextPollAt <= Now ? (Now - s.NextPollAt) / s.PollInterval : 1);
            var left = _sources.Values.Where(s => IsPollOnly(s) && IsClaimable(s) && HostHasPlace(s) && !WasWoken(s)).OrderBy(s => s.AskedAt);
            var taken = left.Concat(due).Take(Math.Min(limit, (int)_tokens)).ToList();
            foreach (var source in taken)
            {
                _tokens--;
                if (source.Wanted == source.Done)
                {
                    NoteAsk(source);
                    ScheduleNextPoll(source);
                }

                source.WokenAt = Now;
            }

            return Task.FromResult<IReadOnlyList<string>>([.. taken.Select(s => s.Id)]);
        }
    }

    public Task<IReadOnlyList<string>> TakeUnfinishedAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var taken = _sources.Values.Where(s => !IsPollOnly(s) && IsClaimable(s) && HostHasPlace(s) && !WasWoken(s)).OrderBy(s => s.AskedAt).Take(limit).ToList();
            foreach (var source in taken)
                source.WokenAt = Now;
            return Task.FromResult<IReadOnlyList<string>>([.. taken.Select(s => s.Id)]);
        }
    }

    public Task<IReadOnlyList<OutboxMessage>> TakeUnacknowledgedAsync(int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var taken = Outbox.Values.Where(m => m.NextAttemptAt <= Now).OrderBy(m => m.NextAttemptAt).Take(limit).ToList();
            foreach (var message in taken)
            {
                message.Attempts++;
                var delay = policy.RelayAfter * Math.Pow(2, Math.Min(message.Attempts, 10));
                message.NextAttemptAt = Now + (delay < policy.MaxRelayDelay ? delay : policy.MaxRelayDelay);
            }

            return Task.FromResult<IReadOnlyList<OutboxMessage>>([.. taken.Select(m => m.Message)]);
        }
    }

    public Task AcknowledgeAsync(AuditEntryCommitted committed, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Outbox.Remove(committed.RecordedMessageId);
            if (committed.RunId is not null)
                AuditIds[committed.RunId] = committed.AuditId;
            return Task.CompletedTask;
        }
    }

    private static bool Covers(Claim claim, long? ask) => ask > claim.Done && ask <= claim.Covered;

    private static void EndLease(ModelSource source)
    {
        source.Fence++;
        source.LeaseOwner = null;
        source.LeaseUntil = null;
    }

    private static void Settle(ModelSource source, Claim claim, long upTo, string result, string? runId)
    {
        foreach (var delivery in source.Deliveries.Where(d => Covers(claim, d.Ask) && d.Ask <= upTo && (runId is not null || d.Result != "run")))
            (delivery.Result, delivery.RunId) = (result, runId);
        foreach (var request in source.Requests.Where(r => Covers(claim, r.Ask) && r.Ask <= upTo))
            request.RunId = runId ?? request.RunId;
    }

    private static bool IsPollOnly(ModelSource source) => source.WantedWebhook <= source.Done && source.WantedManual <= source.Done;

    private AskOutcome AskOne(Ask ask)
    {
        if (!_sources.TryGetValue(ask.SourceId, out var source))
            return AskOutcome.NoSource;
        switch (ask)
        {
            case ManualAsk when source.Paused:
                return AskOutcome.Paused;
            case ManualAsk manual:
                AskManually(source, manual.RequestId, manual.Actor, manual.DeliveryId);
                return AskOutcome.Accepted;
            case WebhookAsk webhook when webhook.SecretVersion != source.SecretVersion:
                return AskOutcome.StaleSecret;
            case WebhookAsk webhook when source.Paused || webhook.Delivery.IgnoredBecause is not null:
                var reason = source.Paused ? "source_paused" : webhook.Delivery.IgnoredBecause;
                AddDelivery(source, webhook.Delivery, reason);
                return source.Paused ? AskOutcome.Paused : AskOutcome.Ignored;
            case WebhookAsk webhook:
                NoteAsk(source);
                source.WantedWebhook = source.Wanted;
                PullForward(source);
                Expect(source, webhook.Delivery.AnnouncedSha);
                AddDelivery(source, webhook.Delivery, ignoredBecause: null);
                return AskOutcome.Accepted;
            default:
                throw new ArgumentException($"unknown kind of request {ask.GetType()}");
        }
    }

    private void AskManually(ModelSource source, string requestId, string actor, string? deliveryId = null)
    {
        NoteAsk(source);
        source.WantedManual = source.Wanted;
        PullForward(source);
        source.Requests.Add(new ModelRequest { Id = requestId, Actor = actor, DeliveryId = deliveryId, Ask = source.Wanted });
    }

    private void NoteAsk(ModelSource source)
    {
        source.Wanted++;
        source.AskedAt ??= Now;
        source.AskedSinceClaimAt ??= Now;
        source.WokenAt = Now;
    }

    private void PullForward(ModelSource source)
    {
        if (source.NotBefore is not { } notBefore)
            return;
        if (source.Failures == 0)
        {
            var quiet = source.NotBeforeSetAt!.Value + policy.QuietPeriod;
            source.NotBefore = quiet < notBefore ? quiet : notBefore;
            return;
        }

        var pulled = source.LastCheckedAt + policy.PullForward < notBefore ? source.LastCheckedAt!.Value + policy.PullForward : notBefore;
        source.NotBefore = source.RetryAfterUntil > pulled ? source.RetryAfterUntil : pulled;
    }

    private void Record(ModelSource source, Run? run, OutboxMessage? message)
    {
        source.LastCheckedAt = Now;
        if (run is not null)
            source.Runs.Add(run);
        if (message is not null)
            Outbox.TryAdd(message.Id, new ModelMessage { Message = message, NextAttemptAt = Now + policy.RelayAfter });
    }

    private void HoldBack(ModelSource source, TimeSpan? by)
    {
        source.NotBefore = Now + by;
        source.NotBeforeSetAt = by is null ? null : Now;
    }

    private void ScheduleNextPoll(ModelSource source) =>
        source.NextPollAt = Now + (source.PollInterval * (1 - policy.PollJitter + (2 * policy.PollJitter * _random.NextDouble())));

    private ModelSource? Held(Claim claim) =>
        _sources.TryGetValue(claim.SourceId, out var source) && source.Uid == claim.SourceUid && source.LeaseOwner == claim.Owner && source.Fence == claim.Fence
            ? source
            : null;

    private bool IsLeased(ModelSource source) => source.LeaseUntil > Now && source.LeaseUntil <= Now + policy.Lease + policy.ClockSlack;

    private bool IsHeldBack(ModelSource source) => source.NotBefore > Now && source.NotBeforeSetAt <= Now + policy.ClockSlack;

    private bool IsDue(ModelSource source) =>
        source.NextPollAt <= Now || source.NextPollAt > Now + (source.PollInterval * (1 + policy.PollJitter)) + policy.ClockSlack;

    private bool IsClaimable(ModelSource source) => source.Wanted > source.Done && !source.Paused && !IsLeased(source) && !IsHeldBack(source);

    private bool WasWoken(ModelSource source) => source.WokenAt > Now - policy.RecentWakeup && source.WokenAt <= Now + policy.ClockSlack;

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
        LatestWebhook = source.WantedWebhook,
        ExpectedSha = source.ExpectedSha,
        ExpectationIsOpen = IsExpecting(source),
        RereadCovers = source.RereadCovers,
        RereadAt = source.RereadCovers is null ? null : source.RereadAt,
        RereadIsDue = source.RereadCovers is not null && (source.RereadAt <= Now || source.RereadAt > Now + policy.ExpectFor + policy.ClockSlack),
    };
}
