using Ampora.Simulation.Engine;
using Ampora.Wakeups;

namespace Ampora.Simulation.Proof;

/// <summary>What is truly known of one incarnation of a source, whatever the store says of it.</summary>
public sealed class KnownSource
{
    public required string Id { get; init; }

    public required Guid Uid { get; init; }

    public required string Url { get; set; }

    public required string Host { get; init; }

    public required TimeSpan Interval { get; init; }

    public bool IsAdaptive { get; init; }

    public bool HasFilter { get; init; }

    public long Config { get; set; } = 1;

    public bool IsPaused { get; set; }

    public long SecretVersion { get; set; } = 1;

    /// <summary>How many requests were accepted.</summary>
    public long Asked { get; set; }

    /// <summary>Those that no finished check serves yet, oldest first.</summary>
    public List<KnownAsk> Unserved { get; } = [];

    /// <summary>The latest claim that was granted.</summary>
    public KnownClaim? Claim { get; set; }

    public string? Tip { get; set; }

    public long TipConfig { get; set; }

    public int Failures { get; set; }

    /// <summary>Until when it counts as slow, in ticks of simulated time, because a check of it lasted until its lease was renewed, and none succeeded since.</summary>
    public long SlowUntil { get; set; }

    public int Runs { get; set; }

    /// <summary>The first push since its host last showed it a tip, in ticks of simulated time; null when there was none.</summary>
    public long? PushedAt { get; set; }

    /// <summary>Since when nothing but time kept it from being claimed, in ticks of simulated time.</summary>
    public long FreeSince { get; set; }

    /// <summary>The interval when it was last looked at.</summary>
    public TimeSpan SeenInterval { get; set; }

    /// <summary>When it must have been claimed again, in calm, because a check moved its tip while more was asked.</summary>
    public long? AgainBy { get; set; }

    public KnownEnd? LastEnd { get; set; }

    /// <summary>When a webhook last led to a new commit, in ticks of simulated time.</summary>
    public long ProvedAt { get; set; } = long.MinValue / 2;

    /// <summary>The commit that a webhook named last, and when.</summary>
    public (string Sha, long At) Named { get; set; } = ("", long.MinValue / 2);

    /// <summary>When it was last given other settings or paused: what webhooks announced before says nothing any more.</summary>
    public long ExpectsSince { get; set; } = long.MinValue / 2;

    /// <summary>Trees that are stored whole.</summary>
    public HashSet<(long Config, string Sha)> Stored { get; } = [];
}

/// <summary>A request that was accepted.</summary>
public sealed class KnownAsk
{
    public required AskKind Kind { get; init; }

    public required long Number { get; init; }

    /// <summary>When it was committed, by the count of all that is known.</summary>
    public required long Order { get; init; }

    /// <summary>The same in ticks of simulated time.</summary>
    public required long At { get; init; }

    /// <summary>The delivery's or the request's id.</summary>
    public string? Id { get; init; }

    /// <summary>The commit that it announced.</summary>
    public string? Announced { get; init; }
}

/// <summary>A claim that was granted.</summary>
public sealed class KnownClaim
{
    public required Claim Claim { get; init; }

    public required SimulatedProcess Process { get; init; }

    public required long Order { get; init; }

    public required long At { get; init; }

    /// <summary>Until when the lease holds if no clock jumps, in ticks of simulated time.</summary>
    public required long LeaseUntil { get; set; }

    /// <summary>The invariant that a commit would break; null while it may commit.</summary>
    public string? Over { get; set; }

    /// <summary>The commit that a webhook had named last when the claim was made, and when it did.</summary>
    public required (string Sha, long At) Named { get; init; }

    /// <summary>What the host showed to this claim's check last, and when.</summary>
    public (string Sha, long Order) Read { get; set; }

    /// <summary>Whether the check is running.</summary>
    public bool IsChecking { get; set; }
}

/// <summary>How the last check ended.</summary>
public sealed record KnownEnd(long At, EndKind Kind, long NotBefore, long NotBeforeUnasked);

/// <summary>The ways in which a check ends.</summary>
public enum EndKind
{
    Moved,
    Unchanged,
    Postponed,
    Failed,
}
