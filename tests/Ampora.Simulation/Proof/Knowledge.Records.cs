using Ampora.Wakeups;

namespace Ampora.Simulation.Proof;

/// <summary>What is known of runs, the outbox, the audit log and polls.</summary>
public sealed partial class Knowledge
{
    private readonly Dictionary<Guid, string> _owed = [];
    private readonly HashSet<string> _runs = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, string> _messages = [];
    private readonly HashSet<string> _recorded = new(StringComparer.Ordinal);
    private long _lastAuditId;
    private double _tokens = 1;
    private double _rate;
    private long _tokensAt;

    /// <summary>How many runs were committed.</summary>
    public int RunCount => _runs.Count;

    /// <summary>How many runs have no audit record yet.</summary>
    public int Owed => _owed.Count;

    /// <summary>The audit log has another entry.</summary>
    public void NoteRecorded(Guid messageId, string runId, long auditId)
    {
        Count("audited");
        Demand(_messages.GetValueOrDefault(messageId) == runId, Invariants.OneAuditRecord, $"{runId} is in the audit log and was never committed");
        Demand(_recorded.Add(runId), Invariants.OneAuditRecord, $"{runId} is in the audit log twice");
        Demand(auditId == ++_lastAuditId, Invariants.OneAuditRecord, $"entry {auditId} follows entry {_lastAuditId - 1}");
        _owed.Remove(messageId);
    }

    /// <summary>Sources were woken for polls: those that nothing was wanted of are asked for now.</summary>
    public void NotePolled(IReadOnlyList<string> woken)
    {
        NoteRate();
        foreach (var id in woken)
        {
            Count("polls");
            var source = _sources[id];
            Demand(!source.IsPaused, Invariants.SettingsHold, $"{id} is paused and was polled");
            _tokens--;
            if (source.Unserved.Count == 0)
                NoteAsk(source, AskKind.Poll, null, null);
        }

        // One more than the promise allows, because a whole poll may be taken for a part of one.
        Demand(_tokens >= -1, Invariants.NoPollStorm, $"{woken.Count} polls at once, when {_tokens + woken.Count:F1} were left of 1.2 × Σ 1/interval");
    }

    /// <summary>What was judged about commits that polls found.</summary>
    public void NoteJudged(IReadOnlyList<JudgedCommit> judged)
    {
        foreach (var missed in judged.Where(j => j.Missed))
        {
            Count("missed");
            Demand(
                model.Source(missed.SourceId).PollInterval == _sources[missed.SourceId].Interval,
                Invariants.PollingFinds,
                $"{missed.SourceId} missed a webhook, and its interval stays stretched");
        }
    }

    /// <summary>Whether everything that was wanted is done and recorded, and every source is at its tip.</summary>
    /// <param name="tipOf">The tip of the repository at a URL.</param>
    /// <returns>Null, or the first thing that is not.</returns>
    public (string Invariant, string What)? FirstUnhealed(Func<string, string, string> tipOf)
    {
        foreach (var source in _sources.Values)
        {
            if (source.IsPaused)
                return (Invariants.PollingFinds, $"{source.Id} is paused");
            if (source.Unserved is [var oldest, ..])
                return (Invariants.AcceptedIsChecked, $"{source.Id}: request {oldest.Number} ({oldest.Kind}) of {TimeSpan.FromTicks(oldest.At)} is not served");
            if (source.Tip != tipOf(source.Host, source.Url))
                return (Invariants.PollingFinds, $"{source.Id} is at {source.Tip}, and its repository at {tipOf(source.Host, source.Url)}");
            if (model.Source(source.Id).Unannounced.Count > 0)
                return (Invariants.PollingFinds, $"{source.Id}: nobody judged whether a webhook was missed");
            foreach (var delivery in model.Source(source.Id).Deliveries.Where(d => d.Verdict == "accepted"))
            {
                if (delivery.Result is not ("run" or "unchanged") || !_served.Contains((source.Uid, delivery.Ask!.Value)))
                    return (Invariants.AcceptedIsChecked, $"{source.Id}: delivery {delivery.Delivery.DeliveryId} is {delivery.Result}");
            }
        }

        if (_owed.Count > 0)
            return (Invariants.OneAuditRecord, $"{_owed.Count} runs are not in the audit log, among them {_owed.Values.Min(StringComparer.Ordinal)}");
        return model.Outbox.Count > 0 ? (Invariants.AcknowledgedAfterCommit, $"{model.Outbox.Count} messages are still in the outbox") : null;
    }

    private void CompareOutbox()
    {
        foreach (var (message, run) in _owed)
            Demand(model.Outbox.ContainsKey(message), Invariants.AcknowledgedAfterCommit, $"{run} is in the outbox no more, and not in the audit log");
    }

    private void JudgeRun(KnownSource source, Claim claim, Run? run, string tip, bool mayMakeRun)
    {
        var expected = (mayMakeRun && tip != source.Tip) || source.Failures > 0 || source.Runs == 0;
        Demand(run is not null == expected, Invariants.EachTransition, $"{source.Id}: {(run is null ? "no run" : "a run")} for {source.Tip} -> {tip} after {source.Failures} failures");
        if (run is null)
            return;
        if (source.Failures > 0)
            Count("recovered");
        if (run.Summary.Reused)
            Count("tree reused");
        Demand(run.Summary.PreviousSha == source.Tip, Invariants.EachTransition, $"{source.Id}: a run from {run.Summary.PreviousSha}, which was at {source.Tip}");
        Demand(run.Summary.Sha == tip, Invariants.EachTransition, $"{source.Id}: a run to {run.Summary.Sha}, which is at {tip}");
        var covered = source.Unserved.Where(a => a.Order < source.Claim!.Order).ToList();
        var trigger = source.Runs == 0 ? "initial" : covered.Max(a => a.Kind) switch { AskKind.Webhook => "webhook", AskKind.Manual => "manual", _ => "poll" };
        Demand(run.Summary.Trigger == trigger, Invariants.EachTransition, $"{source.Id}: a run by {run.Summary.Trigger} that covers {trigger}");
        var named = covered.Count(a => a.Kind == AskKind.Webhook && run.Summary.TriggeredBy.Any(t => t.DeliveryId == a.Id));
        Demand(named == covered.Count(a => a.Kind == AskKind.Webhook), Invariants.EachTransition, $"{source.Id}: a run names {named} of the deliveries that caused it");
        NoteRun(source, run, RunIds.MessageId(claim));
    }

    private void NoteRun(KnownSource source, Run run, Guid messageId)
    {
        source.Runs++;
        Demand(_runs.Add(run.Summary.RunId), Invariants.OneAuditRecord, $"{run.Summary.RunId} was committed twice");
        _messages.Add(messageId, run.Summary.RunId);
        _owed.Add(messageId, run.Summary.RunId);
    }

    // A budget of its own, by simulated time, at the operators' intervals: stretched ones are polled less.
    private void NoteRate()
    {
        var rate = policy.PollRateFactor * _sources.Values.Where(s => !s.IsPaused).Sum(s => 1 / s.Interval.TotalSeconds);
        // The store fills its own at the rate of the moment at which it looks.
        _rate = Math.Max(_rate, rate);
        var most = 1 + (_rate * policy.PollBurst.TotalSeconds);
        _tokens = _jumpedAt >= _tokensAt ? most : Math.Min(most, _tokens + (_rate * (timeline.Now - _tokensAt) / TimeSpan.TicksPerSecond));
        _tokensAt = timeline.Now;
    }
}
