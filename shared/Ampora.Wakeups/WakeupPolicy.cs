namespace Ampora.Wakeups;

/// <summary>The protocol's times and limits. The defaults are the design's; tests and operators of unusual fleets change them.</summary>
public sealed record WakeupPolicy
{
    /// <summary>How long a claim holds without renewal. From the death of a sweeper to the next claim pass at most this and one reconciliation.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a claim in use is renewed: three chances within one lease.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The pause after a check that found nothing new, so that a flood costs one source four checks a second.</summary>
    public TimeSpan QuietPeriod { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long after one reading the next follows, while a host may not show yet what its webhook announced.</summary>
    public TimeSpan RereadEvery { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>For how long after a webhook a host's replicas may lag; what they do not show by then, they will not show because of it.</summary>
    public TimeSpan ExpectFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest that an adaptive poll interval stretches.</summary>
    public TimeSpan MaxAdaptiveInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a webhook that was in time proves that the next will be: a source without pushes for longer is polled as the operator said.</summary>
    public TimeSpan ProofHolds { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The back-off after the first failure; it doubles with each further one. With the jitter it never falls below <see cref="PullForward"/>.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The longest back-off.</summary>
    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>A webhook or an operator pulls a back-off forward to this long after the last attempt.</summary>
    public TimeSpan PullForward { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest <c>Retry-After</c> that is honoured, so that a host's mistake cannot silence a source for days.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>A source that was woken more recently than this is not woken again by reconciliation.</summary>
    public TimeSpan RecentWakeup { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a broker keeps a <c>TipCheckRequested</c>. Short, because reconciliation sends another, and a sweeper that returns must not meet hours of them.</summary>
    public TimeSpan WakeupTimeToLive { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How many remotes of one host (authority: name and port) may be checked at once, over all sweepers, those that are slow apart. Sources of one remote count
    /// once, because their tips are read together.
    /// </summary>
    public int ChecksPerHost { get; init; } = 8;

    /// <summary>
    /// For how long a source counts as slow after a check of it that lasted until its lease was renewed, unless one succeeds. Longer than
    /// <see cref="MaxBackOff"/>, and than a slow source may have to wait for its place beside others that hang, so that one that hangs each time stays among the slow.
    /// </summary>
    public TimeSpan SlowFor { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>
    /// How many remotes of slow sources may be checked at once on one host, besides <see cref="ChecksPerHost"/> of the others: repositories that hang must not keep
    /// those beside them on the same host from being read.
    /// </summary>
    public int SlowChecksPerHost { get; init; } = 2;

    /// <summary>
    /// How many remotes of one host may be checked at once, quick and slow together: those that turn out to be slow leave their places to others, but not without end.
    /// </summary>
    public int MostChecksPerHost => 2 * ChecksPerHost;

    /// <summary>How many sources of one host may be checked at once, however few remotes they are on: each may have to fetch.</summary>
    public int LeasesPerHost { get; init; } = 64;

    /// <summary>How far polls may exceed the mean rate of sources ÷ interval while they catch up.</summary>
    public double PollRateFactor { get; init; } = 1.2;

    /// <summary>How much unused budget is kept for later, as time at the full rate; with <see cref="PollRateFactor"/> no second sees more than 1.5 × the mean.</summary>
    public TimeSpan PollBurst { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The poll interval varies by this fraction either way, so that sources created together drift apart.</summary>
    public double PollJitter { get; init; } = 0.1;

    /// <summary>How long a message may wait for its acknowledgement before the relay publishes it again; doubles up to <see cref="MaxRelayDelay"/>.</summary>
    public TimeSpan RelayAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest time between two publications of one outbox message.</summary>
    public TimeSpan MaxRelayDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A stored time further ahead than it could have been set, plus this slack for clocks that are only slewed, counts as past: the
    /// clock has jumped back.
    /// </summary>
    public TimeSpan ClockSlack { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The back-off after so many failures in a row, without jitter.</summary>
    /// <param name="failures">Failures in a row, at least 1.</param>
    /// <returns>The delay, capped at <see cref="MaxBackOff"/>.</returns>
    public TimeSpan BackOff(int failures)
    {
        // 2^20 × 8 s is far above any cap; the bound keeps the shift from overflowing after years of failure.
        var doublings = Math.Clamp(failures - 1, 0, 20);
        var delay = FirstBackOff * (1 << doublings);
        return delay < MaxBackOff ? delay : MaxBackOff;
    }
}
