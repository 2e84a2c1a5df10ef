using Ampora.Wakeups;

namespace Ampora.Simulation.Model;

/// <summary>What the model knows of hosts, remotes and the trees that were read from them.</summary>
public sealed partial class ModelWakeupStore
{
    /// <summary>Changes of sources that were told of.</summary>
    public List<(string SourceId, string Change)> SourceEvents { get; } = [];

    /// <summary>What a check does before its finish.</summary>
    public void Stage(Claim claim, string sha)
    {
        lock (_gate)
        {
            if (_sources.TryGetValue(claim.SourceId, out var source))
                source.Snapshots.Add((claim.Config, sha));
        }
    }

    public Task<IReadOnlyList<string>> TakeWaitingForHostAsync(string host, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var waiting = _sources.Values.Where(s => s.Host == host && s.WaitingForHost && IsClaimable(s) && MayTake(s)).OrderBy(s => s.AskedAt).ThenBy(Preference).ToList();
            var first = waiting.FirstOrDefault(HostHasPlace);
            var taken = waiting.Where(s => s.Url == first?.Url).Take(policy.LeasesPerHost).ToList();
            foreach (var source in taken)
            {
                source.WaitingForHost = false;
                source.WokenAt = Now;
            }

            return Task.FromResult<IReadOnlyList<string>>([.. taken.Select(s => s.Id)]);
        }
    }

    private void NoteTip(ModelSource source, Claim claim, FinishedCheck finished)
    {
        if (finished.IsSkip(claim))
        {
            source.Skipped = (finished.TipSha, source.TipSha);
            source.SkippedTotal++;
            SourceEvents.Add((source.Id, "skipped"));
        }

        if (finished.Moved is { } moved)
        {
            if (!_rules.SweepsAreUnique || !source.Sweeps.Contains((claim.Config, moved.Sha)))
                source.Sweeps.Add((claim.Config, moved.Sha));
            source.TipConfig = claim.Config;
        }

        (source.TipSha, source.TipRef, source.MovedTo) = (finished.TipSha, finished.RefName, finished.MovedTo);
    }

    private IEnumerable<ModelSource> LeasedOnHostOf(ModelSource source) => _sources.Values.Where(s => s.Host == source.Host && IsLeased(s));

    private bool IsSlow(ModelSource source) => source.SlowUntil > Now && source.SlowUntil <= Now + policy.SlowFor + policy.ClockSlack;

    private bool HostHasPlace(ModelSource source)
    {
        if (!_rules.HostsAreLimited)
            return true;
        var leased = LeasedOnHostOf(source).ToList();
        var others = leased.Where(s => s.Url != source.Url).ToList();
        return leased.Count < policy.LeasesPerHost
            && Remotes(others) < policy.MostChecksPerHost
            && Remotes(others.Where(s => !_rules.SlowOnesAreApart || IsSlow(s) == IsSlow(source))) < (IsSlow(source) && _rules.SlowOnesAreApart ? policy.SlowChecksPerHost : policy.ChecksPerHost);

        static int Remotes(IEnumerable<ModelSource> sources) => sources.Select(s => s.Url).Distinct().Count();
    }
}
