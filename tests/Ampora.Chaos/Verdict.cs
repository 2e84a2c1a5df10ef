namespace Ampora.Chaos;

/// <summary>Compares what was attempted and acknowledged with what is seen at the end.</summary>
public sealed class Verdict
{
    public const string Pushing = "push";
    public const string Sending = "webhook";
    public const string Acting = "act";
    public const string Running = "run";
    public const string Recording = "record";

    private readonly Journal _journal;
    private readonly Observation _seen;
    private readonly List<Finding> _lost = [];
    private readonly List<Finding> _duplicate = [];
    private readonly List<Finding> _unexpected = [];
    private readonly ILookup<string, Push> _pushes;
    private readonly Dictionary<string, ObservedRun> _runs = [];

    private Verdict(Journal journal, Observation seen)
    {
        _journal = journal;
        _seen = seen;
        _pushes = journal.Pushes.ToLookup(p => p.Source);
        foreach (var run in seen.Runs)
        {
            if (!_runs.TryAdd(run.RunId, run))
                _duplicate.Add(new(Running, $"{run.RunId} of {run.Source} is there twice"));
        }
    }

    public static Report Of(Journal journal, Observation seen)
    {
        var verdict = new Verdict(journal, seen);
        verdict.JudgeTips();
        verdict.JudgeRuns();
        verdict.JudgeWebhooks();
        verdict.JudgeLedger();
        verdict.JudgeRecord();
        verdict.JudgeActs();
        verdict.JudgeRest();
        return new Report(verdict._lost, verdict._duplicate, verdict._unexpected, Table.Of(journal, seen, verdict._lost, verdict._duplicate, verdict._unexpected));
    }

    private void JudgeTips()
    {
        foreach (var tip in _seen.Tips.Where(t => t.Shown != t.Real))
            _lost.Add(new(Pushing, $"{tip.Source} is at {tip.Shown ?? "nothing"}, its repository at {tip.Real}"));
        foreach (var source in _journal.Sources.Except(_seen.Tips.Select(t => t.Source)))
            _lost.Add(new(Acting, $"{source} is not there"));
    }

    // The runs of a source are the transitions that it went through: each from where the one before ended, forward along what was pushed.
    private void JudgeRuns()
    {
        foreach (var runs in _seen.Runs.GroupBy(r => r.Source))
        {
            string? tip = null;
            var pushed = _pushes[runs.Key].Select(p => p.Sha).ToList();
            var reached = -1;
            ObservedRun? before = null;
            foreach (var run in runs.Where(r => r.Outcome == "succeeded"))
            {
                var name = $"{run.RunId} of {run.Source} ({Short(run.PreviousSha)} to {Short(run.Sha)})";
                if (before is not null && (before.PreviousSha, before.Sha) == (run.PreviousSha, run.Sha))
                    _duplicate.Add(new(Running, $"{name} repeats {before.RunId}"));
                else if (run.Sha == run.PreviousSha && run.Recovered == 0)
                    _duplicate.Add(new(Running, $"{name} is no transition"));
                else if (run.PreviousSha != tip)
                    _unexpected.Add(new(Running, $"{name} does not begin where the run before ended, at {Short(tip)}"));
                if (run.Sha is null || !pushed.Contains(run.Sha))
                    _unexpected.Add(new(Running, $"{name} ends at what nobody pushed"));
                else if (run.Sha != tip)
                {
                    var next = pushed.IndexOf(run.Sha, reached + 1);
                    if (next < 0)
                        _unexpected.Add(new(Running, $"{name} goes back to what was the tip before the last run"));
                    else
                        reached = next;
                }

                tip = run.Sha;
                before = run;
            }

            if (_seen.Tips.FirstOrDefault(t => t.Source == runs.Key) is { } end && end.Shown != tip)
                _unexpected.Add(new(Running, $"the runs of {runs.Key} end at {Short(tip)}, its tip is {Short(end.Shown)}"));
        }

        foreach (var tip in _seen.Tips.Where(t => t.Shown is not null && _seen.Runs.All(r => r.Source != t.Source)))
            _lost.Add(new(Running, $"{tip.Source} has a tip and no run"));
    }

    private void JudgeWebhooks()
    {
        var ledger = _seen.Deliveries.ToLookup(d => d.Id);
        foreach (var sent in _journal.Webhooks)
        {
            var name = $"{sent.Kind} webhook {sent.SenderId} for {sent.Source}, sent at {sent.At:HH:mm:ss.fff}";
            if (sent.Status is not (null or 202 or 503))
                _unexpected.Add(new(Sending, $"{name}: answered {sent.Status} {sent.Detail}"));
            else if (sent.Status == 503 && !sent.RetryAfter)
                _unexpected.Add(new(Sending, $"{name}: answered 503 without Retry-After"));
            if (sent.Status != 202)
                continue;
            if (sent.Verdict != "accepted" || sent.DeliveryId is null)
            {
                _unexpected.Add(new(Sending, $"{name}: answered 202 {sent.Verdict} {sent.Detail}"));
                continue;
            }

            var kept = ledger[sent.DeliveryId].ToList();
            if (kept.Count == 0)
                _lost.Add(new(Sending, $"{name}: answered 202 as {sent.DeliveryId}, which is not in the ledger"));
            else if (kept.Count == 1)
                JudgeCheckOf(kept[0], sent, name);
        }

        foreach (var same in _journal.Webhooks.Where(w => w.DeliveryId is not null).GroupBy(w => w.DeliveryId).Where(g => g.Count() > 1))
            _duplicate.Add(new(Sending, $"{same.Key} is the answer to {same.Count()} webhooks"));
    }

    // What was pushed before the webhook was sent is seen by every check that begins after it was received.
    private void JudgeCheckOf(ObservedDelivery kept, Webhook sent, string name)
    {
        if (kept.Result is null or "pending")
        {
            _lost.Add(new(Sending, $"{name}: {kept.Id} was never checked"));
            return;
        }

        if (kept.RunId is null)
            return;
        if (!_runs.TryGetValue(kept.RunId, out var run))
        {
            _lost.Add(new(Running, $"{name}: {kept.Id} caused {kept.RunId}, which is not there"));
            return;
        }

        // A failed check settles the deliveries of the checks that fail after it, too: its run is the first failure's.
        if (run.Outcome != "succeeded")
            return;
        if (run.StartedAt < kept.ReceivedAt)
            _lost.Add(new(Sending, $"{name}: received {kept.ReceivedAt:HH:mm:ss.ffffff}, its check {run.RunId} began before, {run.StartedAt:HH:mm:ss.ffffff}"));
        var pushed = _pushes[sent.Source].Select(p => p.Sha).ToList();
        if (pushed.LastIndexOf(run.Sha ?? "") < pushed.IndexOf(sent.Sha))
            _lost.Add(new(Sending, $"{name}: its check {run.RunId} saw {Short(run.Sha)}, older than {Short(sent.Sha)}"));
    }

    private void JudgeLedger()
    {
        foreach (var twice in _seen.Deliveries.GroupBy(d => (d.Source, d.Id)).Where(g => g.Count() > 1))
            _duplicate.Add(new(Sending, $"{twice.Key.Id} is in the ledger {twice.Count()} times"));
        var sent = _journal.Webhooks.GroupBy(w => (w.Source, w.SenderId)).ToDictionary(g => g.Key, g => g.Count());
        foreach (var kept in _seen.Deliveries.GroupBy(d => (d.Source, d.SenderId ?? "")))
        {
            var times = sent.GetValueOrDefault(kept.Key);
            if (times == 0 && _journal.IsForged(kept.Key.Source) && kept.All(k => k.Verdict == "refused"))
                continue;
            if (times == 0)
                _unexpected.Add(new(Sending, $"{kept.First().Id} of {kept.Key.Source} is in the ledger ({kept.First().Verdict}), and nobody sent it"));
            else if (kept.Count() > times)
                _duplicate.Add(new(Sending, $"{kept.Key.Item2} for {kept.Key.Source} was sent {times} times and is in the ledger {kept.Count()} times"));
        }
    }

    private void JudgeRecord()
    {
        var entries = _seen.Entries.Where(e => e.RunId is not null).ToLookup(e => e.RunId!);
        foreach (var run in _seen.Runs)
        {
            var name = $"{run.RunId} of {run.Source}";
            var own = entries[run.RunId].ToList();
            if (own.Count == 0)
                _lost.Add(new(Recording, $"{name} is not in the audit log"));
            else if (own.Count > 1)
                _duplicate.Add(new(Recording, $"{name} is in the audit log {own.Count} times: {string.Join(", ", own.Select(e => e.AuditId))}"));
            else if (run.AuditId is null)
                _lost.Add(new(Recording, $"{name} does not know its entry {own[0].AuditId}"));
            else if (run.AuditId != own[0].AuditId)
                _unexpected.Add(new(Recording, $"{name} names the entry {run.AuditId}, and its entry is {own[0].AuditId}"));
        }

        var sources = _journal.Sources.Select(s => $"source:{s}").ToHashSet();
        foreach (var entry in _seen.Entries.Where(e => e.RunId is not null && sources.Contains(e.Subject) && !_runs.ContainsKey(e.RunId)))
            _unexpected.Add(new(Recording, $"entry {entry.AuditId} is about {entry.RunId} of {entry.Subject}, which is not there"));
    }

    private void JudgeActs()
    {
        var entries = _seen.Entries.ToLookup(e => (e.Action, e.Subject));
        foreach (var acts in _journal.Acts.GroupBy(a => (a.Action, Subject: $"source:{a.Source}")))
        {
            var own = entries[acts.Key].ToList();
            var done = 0;
            foreach (var act in acts)
            {
                var name = $"{act.Action} of {act.Source} at {act.At:HH:mm:ss.fff}{(act.Mark is null ? "" : $" ({act.Mark})")}";
                var acknowledged = act.Status is >= 200 and < 300;
                // Of a creation whose first answer got lost, the second finds that it is there.
                if (!acknowledged && act.Status is not (null or 503) && (act.Action, act.Status) != ("source.created", 409))
                    _unexpected.Add(new(Acting, $"{name}: answered {act.Status} {act.Detail}"));
                done += acknowledged ? 1 : 0;
                if (act.Mark is null)
                    continue;
                var marked = own.Count(e => e.Marks.Contains(act.Mark));
                if (acknowledged && marked == 0)
                    _lost.Add(new(Acting, $"{name}: answered {act.Status}, and is not in the audit log"));
                else if (marked > 1)
                    _duplicate.Add(new(Acting, $"{name} is in the audit log {marked} times"));
            }

            if (own.Count < done)
                _lost.Add(new(Acting, $"{acts.Key.Action} of {acts.Key.Subject}: {done} were acknowledged, {own.Count} are in the audit log"));
            else if (own.Count > acts.Count())
                _duplicate.Add(new(Acting, $"{acts.Key.Action} of {acts.Key.Subject}: {acts.Count()} were attempted, {own.Count} are in the audit log"));
        }
    }

    private void JudgeRest()
    {
        if (!_seen.AuditOk)
            _unexpected.Add(new(Recording, "the audit log does not verify"));
        foreach (var sweep in _seen.RepeatedSweeps)
            _duplicate.Add(new(Running, $"{sweep} was stored more than once"));
        foreach (var queue in _seen.BadQueues)
            _unexpected.Add(new(Recording, $"queue {queue}"));
    }

    private static string Short(string? sha) => sha is null ? "nothing" : sha.Length > 9 ? sha[..9] : sha;
}
