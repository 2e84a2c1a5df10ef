using System.ComponentModel.DataAnnotations;

namespace Ampora.Sweeper;

/// <summary>How much one sweeper does at once. Settings <c>Ampora__Sweeper__…</c>.</summary>
internal sealed class SweeperLimits
{
    /// <summary>How many messages are handled at once: a tip check only waits for its Git host, so far more than there are processors.</summary>
    public const int ConsumersAtOnce = 64;

    /// <summary>
    /// A check that takes longer than this leaves its consumer's slot and goes on beside it, so that hung hosts do not use up the slots
    /// that quick ones need, and no message is held for longer than any broker's acknowledgement time-out. The message is not what keeps
    /// the check: the wake-up row is.
    /// </summary>
    public static readonly TimeSpan SlotTime = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How many sources are checked at once, slow ones included; each waits for its Git host and costs little meanwhile. At 64 for each host, 16 hung hosts fill it.
    /// </summary>
    [Range(1, 10_000)]
    public int ChecksAtOnce { get; set; } = 1024;

    /// <summary>
    /// How many fetches run at once: each has child processes and a tree in memory. How many of them may be from one host, <c>Ampora__Git__RequestsPerHost</c> says.
    /// Those that take longer than a few seconds come on top, at most as many again.
    /// </summary>
    [Range(1, 1_000)]
    public int FetchesAtOnce { get; set; } = 32;
}
