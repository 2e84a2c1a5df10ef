namespace Ampora.Simulation.Model;

/// <summary>
/// The store's rules, one switch each. All are on; the simulation switches one off to show that its invariants catch what the rule prevents. That is why the
/// switches are in the model: production code has none.
/// </summary>
public sealed record ModelRules
{
    /// <summary>A claim needs <c>wanted &gt; done</c>.</summary>
    public bool ClaimNeedsWanted { get; init; } = true;

    /// <summary>A claim waits for <c>not_before</c>.</summary>
    public bool ClaimWaitsForNotBefore { get; init; } = true;

    /// <summary>A claim waits for a live lease.</summary>
    public bool ClaimRespectsLease { get; init; } = true;

    /// <summary>A paused source is not claimed.</summary>
    public bool ClaimRespectsPause { get; init; } = true;

    /// <summary>Leases are measured by the store's clock; off: by the clock of whoever calls.</summary>
    public bool LeasesByStoreClock { get; init; } = true;

    /// <summary>A finish moves <c>done</c> to what was asked before the claim; off: to whatever was asked by now.</summary>
    public bool FinishCoversTheClaim { get; init; } = true;

    /// <summary>A finish moves <c>done</c> at all.</summary>
    public bool FinishMovesDone { get; init; } = true;

    /// <summary>A write of a check needs the row's owner and fence.</summary>
    public bool FenceGuards { get; init; } = true;

    /// <summary>A write of a check needs the incarnation of the source that was claimed.</summary>
    public bool IncarnationGuards { get; init; } = true;

    /// <summary>
    /// A finish happens once: it raises the fence, ends the lease, and needs <c>done &lt; covered</c>. Any one of these is enough, so they are one switch.
    /// </summary>
    public bool FinishesOnce { get; init; } = true;

    /// <summary>A failure leaves <c>done</c>.</summary>
    public bool FailureKeepsDone { get; init; } = true;

    /// <summary>A postponed check leaves <c>done</c> but for what was read for often enough.</summary>
    public bool PostponementKeepsDone { get; init; } = true;

    /// <summary>Other settings raise <c>config</c>.</summary>
    public bool ChangeRaisesConfig { get; init; } = true;

    /// <summary>Other settings raise the fence.</summary>
    public bool ChangeRaisesFence { get; init; } = true;

    /// <summary>Other settings ask for a check.</summary>
    public bool ChangeAsks { get; init; } = true;

    /// <summary>A pause raises the fence.</summary>
    public bool PauseRaisesFence { get; init; } = true;

    /// <summary>Resuming asks for a check.</summary>
    public bool ResumeAsks { get; init; } = true;

    /// <summary>A webhook counts in <c>wanted</c> in the transaction that keeps its delivery.</summary>
    public bool WebhooksCount { get; init; } = true;

    /// <summary>A webhook verified against secrets that are no longer the row's is refused.</summary>
    public bool StaleSecretsAreRefused { get; init; } = true;

    /// <summary>A webhook pulls a back-off forward, but never before the host's <c>Retry-After</c>.</summary>
    public bool RetryAfterIsKept { get; init; } = true;

    /// <summary>A lease further ahead than it could have been set counts as past.</summary>
    public bool LeaseHeals { get; init; } = true;

    /// <summary>A <c>not_before</c> that was set in the future counts as past.</summary>
    public bool NotBeforeHeals { get; init; } = true;

    /// <summary>A next poll further ahead than it could have been set counts as past.</summary>
    public bool NextPollHeals { get; init; } = true;

    /// <summary>A next attempt of the relay further ahead than it could have been set counts as past.</summary>
    public bool RelayHeals { get; init; } = true;

    /// <summary>A wake-up in the future is none of late.</summary>
    public bool WokenHeals { get; init; } = true;

    /// <summary>
    /// A second reading, and the time for which a commit is expected, count as past when they are further ahead than they could have been set. Either is enough.
    /// </summary>
    public bool RereadHeals { get; init; } = true;

    /// <summary>A webhook that proved live in the future proves nothing.</summary>
    public bool ProofHeals { get; init; } = true;

    /// <summary>A commit that was found in the future is judged by now.</summary>
    public bool FoundHeals { get; init; } = true;

    /// <summary>A claim raises the fence.</summary>
    public bool ClaimRaisesFence { get; init; } = true;

    /// <summary>Slow sources have places of their own on their host.</summary>
    public bool SlowOnesAreApart { get; init; } = true;

    /// <summary>A run and its message are one transaction; off: the run alone is.</summary>
    public bool OutboxIsInTheTransaction { get; init; } = true;

    /// <summary>Messages that nobody acknowledged are published again.</summary>
    public bool Relays { get; init; } = true;

    /// <summary>A message is removed by its acknowledgement; off: once it was handed to the relay.</summary>
    public bool AcknowledgementRemoves { get; init; } = true;

    /// <summary>Unfinished wake-ups are sent again.</summary>
    public bool Reconciles { get; init; } = true;

    /// <summary>Polls come at all.</summary>
    public bool Polls { get; init; } = true;

    /// <summary>Polls share a budget.</summary>
    public bool PollsAreBudgeted { get; init; } = true;

    /// <summary>A host takes so many checks at once.</summary>
    public bool HostsAreLimited { get; init; } = true;

    /// <summary>An interval that has stretched falls back when a webhook was missed, and when none proved live for long.</summary>
    public bool IntervalsFallBack { get; init; } = true;

    /// <summary>A sweep is one row for (source, config, SHA).</summary>
    public bool SweepsAreUnique { get; init; } = true;

    /// <summary>A finish needs the snapshot that it shows.</summary>
    public bool FinishNeedsSnapshot { get; init; } = true;
}
