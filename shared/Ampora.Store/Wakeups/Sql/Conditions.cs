using Ampora.Wakeups;

namespace Ampora.Store.Wakeups.Sql;

/// <summary>
/// Conditions that several statements share, on the columns of a wake-up row. A time further ahead than it could have been set counts
/// as past: the clock has jumped back.
/// </summary>
internal static class Conditions
{
    /// <summary>A lease is live.</summary>
    public const string Leased = "coalesce(lease_until > @now AND lease_until <= @now + @lease_ahead, FALSE)";

    /// <summary>A back-off or the quiet period runs.</summary>
    public const string HeldBack = "coalesce(not_before > @now AND not_before_set_at <= @now + @slack, FALSE)";

    /// <summary>Something is wanted, and nothing but the host's limit stops a claim.</summary>
    public const string Claimable = $"wanted > done AND NOT paused AND NOT {HeldBack} AND NOT {Leased}";

    /// <summary>How many live leases the host of the row <c>w</c> has.</summary>
    public const string LeasesOfHost =
        "(SELECT count(*) FROM wakeups AS o WHERE o.host = w.host AND o.lease_until > @now AND o.lease_until <= @now + @lease_ahead)";

    /// <summary>A check takes long, or the last that did has not been followed by one that succeeded.</summary>
    public const string Slow = "coalesce(slow_until > @now AND slow_until <= @now + @slow_ahead, FALSE)";

    /// <summary>
    /// The host of the row <c>w</c> may take one more check of its remote: sources of one remote count as one, since their tips are read together, and slow ones apart
    /// from the others.
    /// </summary>
    public const string HostHasPlace = $"""
        (SELECT count(*) < @leases_per_host
            AND count(DISTINCT CASE WHEN o.remote <> w.remote THEN o.remote END) < @most_per_host
            AND count(DISTINCT CASE WHEN o.remote <> w.remote AND {SlowOther} = {SlowThis} THEN o.remote END)
                < CASE WHEN {SlowThis} THEN @slow_per_host ELSE @checks_per_host END
         FROM wakeups AS o WHERE o.host = w.host AND o.lease_until > @now AND o.lease_until <= @now + @lease_ahead)
        """;

    private const string SlowThis = "coalesce(w.slow_until > @now AND w.slow_until <= @now + @slow_ahead, FALSE)";

    private const string SlowOther = "coalesce(o.slow_until > @now AND o.slow_until <= @now + @slow_ahead, FALSE)";

    /// <summary>How many other sources of the remote of the row <c>w</c> could be claimed.</summary>
    public const string Companions =
        $"(SELECT count(*) FROM wakeups AS o WHERE o.remote = w.remote AND o.source_id <> w.source_id AND {Claimable})";

    /// <summary>Somebody published a wake-up a moment ago.</summary>
    public const string RecentlyWoken = "coalesce(woken_at > @now - @recent AND woken_at <= @now + @slack, FALSE)";

    /// <summary>A webhook came a moment ago, and the host may not show yet what it tells of.</summary>
    public const string Expecting = "coalesce(expected_until > @now AND expected_until <= @now + @expect_ahead, FALSE)";

    /// <summary>Only polls are wanted.</summary>
    public const string PollOnly = "wanted_webhook <= done AND wanted_manual <= done";

    /// <summary>The claim's row: same incarnation of the source, same holder, same fence.</summary>
    public const string HeldByClaim =
        "source_id = @id AND lease_owner = @owner AND fence = @fence AND EXISTS (SELECT 1 FROM sources WHERE sources.id = @id AND sources.uid = @uid)";

    /// <summary>The parameters of the conditions that come from the policy.</summary>
    public static (string Name, object? Value)[] Of(WakeupPolicy policy) =>
    [
        ("lease", policy.Lease),
        ("lease_ahead", policy.Lease + policy.ClockSlack),
        ("slack", policy.ClockSlack),
        ("recent", policy.RecentWakeup),
        ("checks_per_host", policy.ChecksPerHost),
        ("leases_per_host", policy.LeasesPerHost),
        ("most_per_host", policy.MostChecksPerHost),
        ("slow_per_host", policy.SlowChecksPerHost),
        ("slow_for", policy.SlowFor),
        ("slow_ahead", policy.SlowFor + policy.ClockSlack),
    ];

    /// <summary>The parameters of <see cref="Expecting"/>, and of what is set by it.</summary>
    public static (string Name, object? Value)[] Expectations(WakeupPolicy policy) =>
        [("expect", policy.ExpectFor), ("expect_ahead", policy.ExpectFor + policy.ClockSlack)];

    /// <summary>The parameters of <see cref="HeldByClaim"/>.</summary>
    public static (string Name, object? Value)[] Of(Claim claim) =>
        [("id", claim.SourceId), ("uid", claim.SourceUid), ("owner", claim.Owner), ("fence", claim.Fence)];
}
