namespace Ampora.Simulation.Model;

/// <summary>What the Console does to sources, and what retention takes from them.</summary>
public sealed partial class ModelWakeupStore
{
    /// <summary>What the Console does when it creates a source.</summary>
    public ModelSource Create(string id, string host = "git.test:443", TimeSpan? interval = null, bool adaptive = false, string? remote = null, Guid? uid = null)
    {
        lock (_gate)
        {
            var source = new ModelSource
            {
                Id = id,
                Uid = uid ?? new Guid(_random.Next(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
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
    public void ChangeSettings(string id, string? remote = null)
    {
        lock (_gate)
        {
            var source = _sources[id];
            source.Url = remote ?? source.Url;
            if (_rules.ChangeRaisesConfig)
                source.Config++;
            if (_rules.ChangeRaisesFence)
                EndLease(source);
            source.WaitingForHost = false;
            source.TipRef = source.MovedTo = null;
            source.NotBefore = source.NotBeforeSetAt = source.RetryAfterUntil = source.SlowUntil = null;
            ExpectNothing(source);
            if (!source.Paused && _rules.ChangeAsks)
                AskManually(source, $"req_change_{source.Wanted}", "system");
        }
    }

    public void Pause(string id)
    {
        lock (_gate)
        {
            _sources[id].Paused = true;
            if (_rules.PauseRaisesFence)
                EndLease(_sources[id]);
            _sources[id].WaitingForHost = false;
            ExpectNothing(_sources[id]);
        }
    }

    public void Resume(string id)
    {
        lock (_gate)
        {
            _sources[id].Paused = false;
            if (_rules.ResumeAsks)
                AskManually(_sources[id], $"req_resume_{_sources[id].Wanted}", "system");
        }
    }

    public void ChangeSecrets(string id)
    {
        lock (_gate)
            _sources[id].SecretVersion++;
    }

    /// <summary>What retention does: the tree goes if it is not the one that the source shows.</summary>
    public void RemoveSnapshot(string id, long config, string sha)
    {
        lock (_gate)
        {
            var source = _sources[id];
            if (source.TipSha != sha || source.TipConfig != config)
                source.Snapshots.Remove((config, sha));
        }
    }

    public void Delete(string id)
    {
        lock (_gate)
            _sources.Remove(id);
    }
}
