using System.ComponentModel.DataAnnotations;

namespace Ampora.Scheduler;

/// <summary>How long the ledgers and how many snapshots are kept. Settings <c>Ampora__Retention__…</c>. The audit log has its own beside them.</summary>
internal sealed class RetentionSettings
{
    /// <summary>Deliveries of webhooks and operators' requests are kept for so many days.</summary>
    [Range(1, 3650)]
    public int DeliveryDays { get; set; } = 30;

    /// <summary>Of each source's deliveries only so many are kept, so that a busy one does not fill the database within the days.</summary>
    [Range(10, 1_000_000)]
    public int DeliveriesPerSource { get; set; } = 1000;

    /// <summary>Runs are kept for so many days, once Audit has recorded them.</summary>
    [Range(1, 3650)]
    public int RunDays { get; set; } = 90;

    /// <summary>
    /// What the audit log has recorded is kept for so many days besides, so that a log that is restored from a backup of that age gets it again.
    /// </summary>
    [Range(0, 3650)]
    public int RecordedMessageDays { get; set; } = 7;

    /// <summary>
    /// Of each source's snapshots so many are kept, those that were the latest last; the current one always. Each costs what differs from its neighbours.
    /// </summary>
    [Range(1, 1000)]
    public int SnapshotsPerSource { get; set; } = 10;
}
