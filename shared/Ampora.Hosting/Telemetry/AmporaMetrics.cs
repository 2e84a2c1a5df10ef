using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Ampora.Hosting.Telemetry;

/// <summary>The metrics that Ampora promises, with the names that dashboards use; <c>/metrics</c> of the management port shows them.</summary>
public static class AmporaMetrics
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Ampora";

    // Who may send webhooks, so that a rate of each begins at zero.
    private static readonly string[] Providers =
        ["token", "github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket-cloud", "bitbucket-server", "azure-devops", "standard-webhooks"];

    private static readonly Meter Meter = new(Name);

    /// <summary>Spans of webhooks and checks.</summary>
    public static ActivitySource Activities { get; } = new(Name);

    /// <summary>Webhooks answered, by <c>provider</c> and <c>verdict</c> (accepted, ignored, refused).</summary>
    public static Counter<long> WebhookDeliveries { get; } = Meter.CreateCounter<long>("ampora_webhook_deliveries_total", description: "Webhooks answered.");

    /// <summary>Runs committed, by <c>trigger</c> and <c>outcome</c>.</summary>
    public static Counter<long> SyncRuns { get; } = Meter.CreateCounter<long>("ampora_sync_runs_total", description: "Runs committed.");

    /// <summary>From the oldest webhook that a run covers to the run's commit, seconds.</summary>
    public static Histogram<double> WebhookToRun { get; } = Meter.CreateHistogram<double>("ampora_webhook_to_run_seconds", "s", "From the oldest webhook that a run covers to its commit.");

    /// <summary>Reading a tip, seconds.</summary>
    public static Histogram<double> TipCheckDuration { get; } = Meter.CreateHistogram<double>("ampora_tip_check_duration_seconds", "s", "Reading a tip.");

    /// <summary>Fetching a tree, seconds.</summary>
    public static Histogram<double> FetchDuration { get; } = Meter.CreateHistogram<double>("ampora_fetch_duration_seconds", "s", "Fetching a tree.");

    /// <summary>Commits that a poll found and no webhook had announced.</summary>
    public static Counter<long> MissedWebhooks { get; } = Meter.CreateCounter<long>("ampora_missed_webhooks_total", description: "Commits that a poll found and no webhook had announced.");

    /// <summary>The age of the oldest wake-up that could be checked now and is not, seconds. Set by the Scheduler.</summary>
    public static Gauge<double> OldestWakeupAge { get; } = Meter.CreateGauge<double>("ampora_oldest_wakeup_age_seconds", "s", "The age of the oldest wake-up that could be checked now and is not.");

    /// <summary>Sources that could be checked now and are not. Set by the Scheduler.</summary>
    public static Gauge<long> WakeupsWaiting { get; } = Meter.CreateGauge<long>("ampora_wakeups_waiting", description: "Sources that could be checked now and are not.");

    /// <summary>Outbox messages that are not acknowledged. Set by the Scheduler.</summary>
    public static Gauge<long> OutboxWaiting { get; } = Meter.CreateGauge<long>("ampora_outbox_waiting", description: "Messages that are not acknowledged.");

    /// <summary>Authenticated webhooks that wait for their commit in this process: taken up or not, not yet answered. Kept by the Ingress.</summary>
    public static UpDownCounter<long> DeliveriesWaiting { get; } = Meter.CreateUpDownCounter<long>("ampora_deliveries_waiting", description: "Authenticated webhooks that wait for their commit.");

    /// <summary>The age of the oldest outbox message, seconds. Set by the Scheduler.</summary>
    public static Gauge<double> OutboxAge { get; } = Meter.CreateGauge<double>("ampora_outbox_age_seconds", "s", "The age of the oldest message that is not acknowledged.");

    /// <summary>The label sets of an instrument that are shown before anything is counted. Further ones appear as they come.</summary>
    internal static IEnumerable<KeyValuePair<string, object?>[]> ShownFromTheStart(string instrument) => instrument switch
    {
        "ampora_webhook_deliveries_total" => Combinations("provider", Providers, "verdict", ["accepted", "ignored", "refused"]),
        "ampora_sync_runs_total" => Combinations("trigger", ["webhook", "poll", "manual", "initial"], "outcome", ["succeeded", "failed"]),
        "ampora_deliveries_waiting" or "ampora_missed_webhooks_total" or "ampora_webhook_to_run_seconds" or "ampora_tip_check_duration_seconds" or "ampora_fetch_duration_seconds" => [[]],
        _ => [],
    };

    private static IEnumerable<KeyValuePair<string, object?>[]> Combinations(string first, string[] firsts, string second, string[] seconds) =>
        firsts.SelectMany(_ => seconds, (a, b) => new KeyValuePair<string, object?>[] { new(first, a), new(second, b) });
}
