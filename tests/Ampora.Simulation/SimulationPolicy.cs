using Ampora.Wakeups;

namespace Ampora.Simulation;

/// <summary>The protocol's policy with its long times made short, so that a seed of two minutes sees what takes a day.</summary>
public static class SimulationPolicy
{
    /// <summary>The policy.</summary>
    public static WakeupPolicy Default { get; } = new()
    {
        ExpectFor = TimeSpan.FromSeconds(8),
        MaxAdaptiveInterval = TimeSpan.FromSeconds(30),
        ProofHolds = TimeSpan.FromSeconds(25),
        MaxBackOff = TimeSpan.FromSeconds(20),
        MaxRetryAfter = TimeSpan.FromSeconds(20),
        MaxRelayDelay = TimeSpan.FromSeconds(15),
        // So few that a handful of sources meets both limits.
        ChecksPerHost = 2,
        LeasesPerHost = 4,
        SlowChecksPerHost = 1,
        SlowFor = TimeSpan.FromSeconds(30),
    };
}
