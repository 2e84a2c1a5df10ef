namespace Ampora.Contracts;

/// <summary>
/// "Go and check the tip of this source." Published by Ingress, Scheduler, Console and Sweeper after they committed the wake-up;
/// consumed by one of the sweepers. A duplicate costs one refused claim; a lost one is republished by the Scheduler, because the
/// wake-up row, not this message, is what must not be lost.
/// </summary>
public sealed record TipCheckRequested
{
    /// <summary>The slug of the source to check.</summary>
    public required string SourceId { get; init; }
}
