using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>What the model knows of webhooks: what they announce, second readings, and what they missed.</summary>
public sealed partial class ModelWakeupStore
{
    /// <summary>The events that were told of sources whose health changed because of webhooks.</summary>
    public List<string> HealthEvents { get; } = [];

    public Task<FinishResult> PostponeAsync(Claim claim, PostponedCheck postponed, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (ToFinish(claim) is not { } source)
                return Task.FromResult(default(FinishResult));
            Record(source, postponed.Run, postponed.Message);
            Settle(
                source,
                claim,
                postponed.Run is null ? postponed.Done : claim.Covered,
                postponed.Run is null ? "unchanged" : "run",
                postponed.Run?.Summary.RunId);
            if (postponed.Done > source.Done)
                source.AskedAt = source.RereadAt - policy.RereadEvery;
            source.Done = _rules.PostponementKeepsDone ? postponed.Done : claim.Covered;
            source.Failures = 0;
            source.SlowUntil = null;
            source.FailureRunId = null;
            source.RetryAfterUntil = null;
            source.WokenAt = null;
            (source.RereadCovers, source.RereadAt) = (postponed.RereadCovers, postponed.RereadAt);
            var wait = postponed.RereadAt - Now;
            wait = wait < policy.RereadEvery ? wait : policy.RereadEvery;
            HoldBack(source, source.Wanted > claim.Covered || wait < policy.QuietPeriod ? policy.QuietPeriod : wait);
            EndLease(source);
            return Task.FromResult(new FinishResult(true, source.Wanted > claim.Covered));
        }
    }

    public Task<IReadOnlyList<JudgedCommit>> TakeUnannouncedAsync(TimeSpan grace, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            foreach (var source in _sources.Values.Where(s => s.PollInterval > s.BasePollInterval
                && !(s.WebhookProvedAt >= Now - policy.ProofHolds && (!_rules.ProofHeals || s.WebhookProvedAt <= Now + policy.ClockSlack))))
            {
                FallBack(source);
            }

            var judged = new List<JudgedCommit>();
            foreach (var source in _sources.Values)
            {
                var before = source.MissedInRow;
                var missed = 0;
                foreach (var found in source.Unannounced.Where(u => u.FoundAt <= Now - grace || (_rules.FoundHeals && u.FoundAt > Now + policy.ClockSlack)).Take(limit).ToList())
                {
                    source.Unannounced.Remove(found);
                    var announced = source.Deliveries.Any(d => d.Verdict == "accepted" && (d.Delivery.ReceivedAt - found.FoundAt).Duration() <= grace
                        && (d.Delivery.AnnouncedSha is null || d.Delivery.AnnouncedSha == found.Sha));
                    source.MissedInRow = announced ? 0 : source.MissedInRow + 1;
                    missed += announced ? 0 : 1;
                    judged.Add(new JudgedCommit(source.Id, found.Sha, !announced));
                }

                source.MissedTotal += missed;
                if (missed > 0)
                    FallBack(source);
                if (missed > 0 || source.MissedInRow != before)
                    HealthEvents.Add(source.Id);
            }

            return Task.FromResult<IReadOnlyList<JudgedCommit>>(judged);
        }
    }

    private static void ExpectNothing(ModelSource source)
    {
        source.ExpectedSha = null;
        source.ExpectedUntil = null;
        (source.RereadCovers, source.RereadAt) = (null, null);
    }

    private void FallBack(ModelSource source)
    {
        if (source.PollInterval == source.BasePollInterval || !_rules.IntervalsFallBack)
            return;
        source.PollInterval = source.BasePollInterval;
        var next = Now + (source.PollInterval * _random.NextDouble());
        source.NextPollAt = next < source.NextPollAt ? next : source.NextPollAt;
    }

    private void NoteFound(ModelSource source, Claim claim)
    {
        if (claim.Trigger == "poll" && (source.HasSecret || source.LastWebhookAt is not null))
            source.Unannounced.Add((source.TipSha!, Now));
        if (claim.Trigger != "webhook")
            return;
        source.WebhookProvedAt = Now;
        source.MissedInRow = 0;
        if (!source.Adaptive || source.PollInterval >= policy.MaxAdaptiveInterval)
            return;
        source.PollInterval = source.PollInterval * 2 < policy.MaxAdaptiveInterval ? source.PollInterval * 2 : policy.MaxAdaptiveInterval;
    }

    private void Expect(ModelSource source, string? announced)
    {
        if (announced is null && source.ExpectedSha is not null && IsExpecting(source))
            return;
        source.ExpectedSha = announced;
        source.ExpectedUntil = Now + policy.ExpectFor;
    }

    private bool IsExpecting(ModelSource source) => source.ExpectedUntil > Now
        && (!_rules.RereadHeals || source.ExpectedUntil <= Now + policy.ExpectFor + policy.ClockSlack);

    private void AddDelivery(ModelSource source, Delivery delivery, string? ignoredBecause)
    {
        source.LastWebhookAt = Now;
        if (delivery.SecretName is null && delivery.SignedBy == "previous")
            source.PreviousUsedAt = Now;
        else if (delivery.SecretName is null)
            source.UsedAt = Now;
        // The caller's second try after an unknown outcome: the ledger keeps the first.
        if (source.Deliveries.Exists(d => d.Delivery.DeliveryId == delivery.DeliveryId))
            return;
        source.Deliveries.Add(new ModelDelivery
        {
            Delivery = delivery,
            Verdict = ignoredBecause is null ? "accepted" : "ignored",
            Reason = ignoredBecause,
            Ask = ignoredBecause is null ? source.Wanted : null,
            Result = ignoredBecause is null ? "pending" : null,
            ReplayOf = delivery.SenderDeliveryId is null
                ? null
                : source.Deliveries.FindLast(d => d.Delivery.SenderDeliveryId == delivery.SenderDeliveryId)?.Delivery.DeliveryId,
        });
    }
}
