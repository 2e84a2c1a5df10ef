using Ampora.Simulation.Engine;

namespace Ampora.Simulation.World;

/// <summary>A Git host: its repositories, replicas that lag, and what it is in the mood for.</summary>
public sealed class GitHost(Timeline timeline, Weather weather, string name)
{
    private readonly Dictionary<string, Repository> _repositories = new(StringComparer.Ordinal);

    /// <summary>The host's authority.</summary>
    public string Name => name;

    /// <summary>How it answers.</summary>
    public HostMood Mood { get; set; }

    /// <summary>Until when it wants to be left alone, in ticks of simulated time.</summary>
    public long BusyUntil { get; set; }

    /// <summary>How far replicas are behind at most.</summary>
    public TimeSpan MaxLag { get; set; }

    /// <summary>The repository at a URL, which comes to be when it is first asked for.</summary>
    public Repository At(string url)
    {
        if (!_repositories.TryGetValue(url, out var repository))
            _repositories.Add(url, repository = new Repository(timeline, url));
        return repository;
    }

    /// <summary>What a reading shows now: the tip, or for a replica that lags, an earlier one.</summary>
    public Commit Show(string url)
    {
        var lag = MaxLag > TimeSpan.Zero && timeline.Happens(weather.Now.LagOfReplica) ? timeline.Between(0, MaxLag.TotalSeconds) : TimeSpan.Zero;
        return At(url).TipAt(timeline.Now - lag.Ticks);
    }
}

/// <summary>How a Git host answers.</summary>
public enum HostMood
{
    Well,
    Failing,
    Slow,
    Hung,
    Busy,
}

/// <summary>A commit. One that touches nothing that a filter includes makes no run.</summary>
public sealed record Commit(string Sha, bool IsOutside);

/// <summary>A repository's branch: each push, and when.</summary>
public sealed class Repository
{
    private readonly Timeline _timeline;
    private readonly string _name;
    private readonly List<(long At, Commit Tip)> _pushes = [];
    private int _commits;

    public Repository(Timeline timeline, string url)
    {
        _timeline = timeline;
        _name = url[(url.LastIndexOf('/') + 1)..^".git".Length];
        _pushes.Add((long.MinValue, New()));
    }

    /// <summary>The tip.</summary>
    public Commit Tip => _pushes[^1].Tip;

    /// <summary>When it was last pushed to, in ticks of simulated time.</summary>
    public long PushedAt => _pushes[^1].At;

    /// <summary>Pushes a new commit, or an old one by force.</summary>
    public Commit Push()
    {
        var old = _pushes.Count > 1 && _timeline.Happens(0.25) ? _pushes[_timeline.Chance.Next(Math.Max(0, _pushes.Count - 4), _pushes.Count - 1)].Tip : New();
        if (old == Tip)
            old = New();
        _pushes.Add((_timeline.Now, old));
        _timeline.Trace.Note(_timeline.Now, "git", "push", old.Sha);
        return old;
    }

    /// <summary>The tip as it was.</summary>
    public Commit TipAt(long time)
    {
        for (var i = _pushes.Count - 1; i > 0; i--)
        {
            if (_pushes[i].At <= time)
                return _pushes[i].Tip;
        }

        return _pushes[0].Tip;
    }

    private Commit New() => new($"{_name}.{++_commits}", _timeline.Happens(0.15));
}
