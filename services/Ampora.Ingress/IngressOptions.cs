using System.ComponentModel.DataAnnotations;

namespace Ampora.Ingress;

/// <summary>Settings of <c>Ampora:Ingress</c>. The defaults suit a fleet of any size; an operator changes them when a log line says so.</summary>
internal sealed class IngressOptions
{
    /// <summary>How many requests may read secrets from the database at once. A read takes well under a millisecond, and every replica's connections add up.</summary>
    [Range(1, 200)]
    public int ConcurrentReads { get; set; } = 16;

    /// <summary>How many requests may wait for their turn to read. What comes on top is told to come back: it would miss its deadline anyway.</summary>
    [Range(1, 100_000)]
    public int QueuedReads { get; set; } = 4096;

    /// <summary>How many authenticated deliveries may wait for their commit.</summary>
    [Range(1, 100_000)]
    public int QueuedDeliveries { get; set; } = 4096;

    /// <summary>How many deliveries share one transaction: enough that a flood costs few, and few enough that one stays far below the deadline.</summary>
    [Range(1, 5000)]
    public int DeliveriesPerCommit { get; set; } = 500;

    /// <summary>
    /// How many groups may be committing at once. A second one keeps webhooks going while the first waits for a row that somebody holds;
    /// more only wait for each other's locks.
    /// </summary>
    [Range(1, 8)]
    public int Committers { get; set; } = 2;

    /// <summary>
    /// How long the database may take for one webhook, reading and commit together. Senders are promised 503 within 2 s when it is away;
    /// the rest is for the answer's way back.
    /// </summary>
    [Range(100, 1900)]
    public int DatabaseMilliseconds { get; set; } = 1500;

    /// <summary>How long a sender may take over its body. 25 MB in that time is 1.7 Mbit/s; no Git host is slower, and each waits less.</summary>
    [Range(1, 600)]
    public int BodySeconds { get; set; } = 120;

    /// <summary>How many distinct (source, address, reason) are told apart in one flush; what comes on top is counted together.</summary>
    [Range(1, 10_000)]
    public int RefusalsToldApart { get; set; } = 1000;
}
