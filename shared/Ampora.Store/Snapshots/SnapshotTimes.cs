namespace Ampora.Store.Snapshots;

/// <summary>
/// What keeps blobs that a check relies on from being collected as garbage, by the database's clock. A blob that a check found was stored or marked at most
/// <see cref="MarkHolds"/> before it looked, its manifest is staged at most <see cref="StageWithin"/> after it looked, and what is collected has to be older than
/// <see cref="Grace"/>, which is longer than both together by as long as any transaction may take.
/// </summary>
public sealed record SnapshotTimes
{
    /// <summary>How long a blob that no manifest names is kept, and a manifest that no finish has shown.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(3);

    /// <summary>For how long a blob counts as used once it was stored or found, so that its mark need not be renewed by every check.</summary>
    public TimeSpan MarkHolds { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long after the look for missing blobs a manifest may be staged: far longer than any fetch, and shorter than a laptop's night.</summary>
    public TimeSpan StageWithin { get; init; } = TimeSpan.FromHours(1);
}
