using System.ComponentModel.DataAnnotations;

namespace Ampora.Scheduler;

/// <summary>When a webhook counts as missed. Setting <c>Ampora__Webhooks__…</c>.</summary>
internal sealed class MissSettings
{
    /// <summary>
    /// A commit that a poll found was announced if a delivery came within so many seconds of it. Git hosts send again within minutes what they could not
    /// deliver, and slow ones queue as long.
    /// </summary>
    [Range(1, 86_400)]
    public int MissGraceSeconds { get; set; } = 300;
}
