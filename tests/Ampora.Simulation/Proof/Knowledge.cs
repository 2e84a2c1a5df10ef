using Ampora.Simulation.Engine;
using Ampora.Simulation.Model;
using Ampora.Wakeups;

namespace Ampora.Simulation.Proof;

/// <summary>
/// What truly happened, noted at each commit by whoever sees it: what was asked, claimed, read, finished, recorded and answered. Each fact is judged when it is noted,
/// and the store's rows are compared with all of them after each commit. Times are simulated time, so no clock that jumps misleads it.
/// </summary>
/// <param name="timeline">Simulated time.</param>
/// <param name="model">The store.</param>
/// <param name="policy">The policy that is promised, whatever a mutation does.</param>
public sealed partial class Knowledge(Timeline timeline, ModelWakeupStore model, WakeupPolicy policy)
{
    private static readonly long Soon = TimeSpan.FromSeconds(5).Ticks;

    private readonly SortedDictionary<string, KnownSource> _sources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _signed = new(StringComparer.Ordinal);
    private readonly HashSet<string> _committedDeliveries = new(StringComparer.Ordinal);
    private long _order;
    private long _jumpedAt = -1;

    /// <summary>Sources that exist.</summary>
    public IReadOnlyCollection<KnownSource> Sources => _sources.Values;

    /// <summary>Since when nothing goes wrong, in ticks of simulated time; null while something may. Then what is otherwise only safe must be prompt, too.</summary>
    public long? CalmSince { get; set; }

    /// <summary>A source, or null.</summary>
    public KnownSource? Find(string id) => _sources.GetValueOrDefault(id);

    /// <summary>The store's clock jumped: for what it measured since before, nothing is promised but that it heals.</summary>
    public void NoteJump() => _jumpedAt = timeline.Now;

    /// <summary>A sender signed a delivery with this version of the secrets.</summary>
    public void NoteSigned(string deliveryId, long version) => _signed[deliveryId] = version;

    /// <summary>A source was created.</summary>
    public void NoteCreated(ModelSource source, bool hasFilter)
    {
        var known = new KnownSource
        {
            Id = source.Id,
            Uid = source.Uid,
            Url = source.Url,
            Host = source.Host,
            Interval = source.BasePollInterval,
            IsAdaptive = source.Adaptive,
            HasFilter = hasFilter,
        };
        NoteRate();
        _sources.Add(source.Id, known);
        NoteRate();
        NoteAsk(known, AskKind.Manual, $"req_create_{source.Id}", null);
    }

    /// <summary>A repository was pushed to.</summary>
    public void NotePushed(string host, string url)
    {
        foreach (var source in _sources.Values.Where(s => s.Host == host && s.Url == url))
            source.PushedAt ??= timeline.Now;
    }

    /// <summary>A source was deleted.</summary>
    public void NoteDeleted(string id)
    {
        NoteRate();
        _sources.Remove(id);
    }

    /// <summary>A source has other settings.</summary>
    public void NoteChanged(string id, string url)
    {
        var source = _sources[id];
        source.Url = url;
        source.Config++;
        source.LastEnd = null;
        source.SlowUntil = 0;
        source.ExpectsSince = timeline.Now;
        if (source.Claim is { Over: null } claim)
            claim.Over = Invariants.SettingsHold;
        if (!source.IsPaused)
            NoteAsk(source, AskKind.Manual, null, null);
    }

    /// <summary>A source was paused.</summary>
    public void NotePaused(string id)
    {
        var source = _sources[id];
        NoteRate();
        source.IsPaused = true;
        source.ExpectsSince = timeline.Now;
        if (source.Claim is { Over: null } claim)
            claim.Over = Invariants.SettingsHold;
    }

    /// <summary>A source was resumed.</summary>
    public void NoteResumed(string id)
    {
        _sources[id].IsPaused = false;
        NoteRate();
        NoteAsk(_sources[id], AskKind.Manual, null, null);
    }

    /// <summary>A source's secrets were rotated.</summary>
    public void NoteRotated(string id) => _sources[id].SecretVersion++;

    /// <summary>A tree was stored whole.</summary>
    public void NoteStored(Claim claim, string sha)
    {
        if (Find(claim.SourceId) is { } source && source.Uid == claim.SourceUid)
            source.Stored.Add((claim.Config, sha));
    }

    /// <summary>Retention removed a tree.</summary>
    public void NoteRemoved(string id, long config, string sha) => _sources[id].Stored.Remove((config, sha));

    /// <summary>A group of requests was committed.</summary>
    public void NoteAsked(IReadOnlyList<Ask> asks, IReadOnlyList<AskOutcome> outcomes)
    {
        for (var i = 0; i < asks.Count; i++)
        {
            var source = Find(asks[i].SourceId);
            if (asks[i] is WebhookAsk { Delivery: var delivery } && outcomes[i] is AskOutcome.Accepted or AskOutcome.Ignored or AskOutcome.Paused)
            {
                Demand(
                    source is not null && _signed[((WebhookAsk)asks[i]).Delivery.DeliveryId] == source.SecretVersion,
                    Invariants.StaleSecretIsRefused,
                    $"{asks[i].SourceId} took a delivery signed with a secret that had been rotated");
                _committedDeliveries.Add(((WebhookAsk)asks[i]).Delivery.DeliveryId);
            }

            Count(outcomes[i].ToString());
            if (outcomes[i] != AskOutcome.Accepted)
                continue;
            Demand(source is { IsPaused: false }, Invariants.SettingsHold, $"{asks[i].SourceId} is paused or gone, and accepted a request");
            if (asks[i] is WebhookAsk webhook)
                NoteAsk(source!, AskKind.Webhook, webhook.Delivery.DeliveryId, webhook.Delivery.AnnouncedSha);
            else
                NoteAsk(source!, AskKind.Manual, ((ManualAsk)asks[i]).RequestId, null);
        }
    }

    /// <summary>A webhook was answered 202.</summary>
    public void NoteAnswered(string deliveryId) =>
        Demand(_committedDeliveries.Contains(deliveryId), Invariants.AcceptedIsCommitted, $"{deliveryId} was answered 202 and is not committed");

    /// <summary>Compares the store's rows with what is known; called after each commit.</summary>
    public void CompareRows()
    {
        foreach (var source in _sources.Values)
        {
            var row = model.Source(source.Id);
            if (source.Unserved.Count > 0 != row.Wanted > row.Done)
            {
                Demand(source.Unserved.Count == 0, Invariants.AcceptedIsChecked, $"{source.Id} has requests that no check served, and its row says that all are done");
                Demand(source.Unserved.Count > 0, Invariants.NoNeedlessChecks, $"{source.Id} has nothing to check, and its row says that it has");
            }

            Demand(row.TipSha == source.Tip, Invariants.EachTransition, $"{source.Id} shows {row.TipSha}, and its last finished check found {source.Tip}");
            Demand(
                source.Tip is null || source.Stored.Contains((source.TipConfig, source.Tip)), Invariants.CompleteSnapshots, $"{source.Id} shows {source.Tip}, whose tree is not stored");
            if (CalmSince is null)
                continue;
            CompareInterval(source, row);
            ComparePromptness(source, row);
        }

        CompareOutbox();
    }

    private void CompareInterval(KnownSource source, ModelSource row)
    {
        // The judge comes every two seconds; the rest is patience.
        var fallsBackBy = Math.Max(source.ProvedAt + policy.ProofHolds.Ticks, CalmSince!.Value) + TimeSpan.FromSeconds(8).Ticks;
        Demand(
            row.PollInterval <= source.Interval || timeline.Now < fallsBackBy,
            Invariants.PollingFinds,
            $"{source.Id} is still polled every {row.PollInterval.TotalSeconds:F0} s, though no webhook proved live for long");
        Demand(
            row.PollInterval <= source.Interval || source.IsAdaptive, Invariants.PollingFinds, $"{source.Id} is polled less often than its operator said");
    }

    private void ComparePromptness(KnownSource source, ModelSource row)
    {
        if (source.Claim is { Over: null } || IsFull(source) || row.PollInterval != source.SeenInterval)
        {
            // Someone looks, or waits for a place, or the interval has just changed: then the time begins anew.
            source.SeenInterval = row.PollInterval;
            source.AgainBy = null;
            source.FreeSince = timeline.Now;
            source.PushedAt = source.PushedAt is null ? null : timeline.Now;
            return;
        }

        Demand(
            source.AgainBy is not { } by || timeline.Now <= by, Invariants.LaterPushIsSeen, $"{source.Id}: more was asked while a check moved the tip, and nobody looked again at once");
        // After a fault five seconds are promised, and so without one, once the wait is over that the last check left behind.
        var freeAt = Math.Max(source.FreeSince, Math.Max(CalmSince!.Value, source.LastEnd is { } end ? end.At + (end.Kind == EndKind.Failed ? policy.MaxBackOff : policy.RereadEvery).Ticks : 0));
        Demand(
            source.Unserved.Find(a => a.Kind != AskKind.Poll) is not { } ask || Math.Max(freeAt, ask.At) + Soon >= timeline.Now,
            Invariants.AcceptedIsChecked,
            $"{source.Id}: nobody looked for {Soon / TimeSpan.TicksPerSecond} s though a webhook or an operator asked");
        // One interval and its jitter, and as much again for those that share the budget.
        var patience = (row.PollInterval * 2) + TimeSpan.FromSeconds(5);
        Demand(
            source.PushedAt is not { } pushed || Math.Max(pushed, CalmSince!.Value) + patience.Ticks >= timeline.Now,
            Invariants.PollingFinds,
            $"{source.Id}: nobody looked for {patience.TotalSeconds:F0} s after a push, though it is polled every {row.PollInterval.TotalSeconds:F0} s");
    }

    private void NoteAsk(KnownSource source, AskKind kind, string? id, string? announced)
    {
        if (kind == AskKind.Webhook && announced is not null)
            source.Named = (announced, timeline.Now);
        source.Unserved.Add(new KnownAsk { Kind = kind, Number = ++source.Asked, Order = ++_order, At = timeline.Now, Id = id, Announced = announced });
    }

    private static void Demand(bool holds, string invariant, FormattableString otherwise)
    {
        if (!holds)
            throw new BrokenInvariantException(invariant, FormattableString.Invariant(otherwise));
    }
}
