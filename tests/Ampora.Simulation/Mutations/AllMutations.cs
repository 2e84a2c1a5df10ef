using Ampora.Simulation.Model;
using Ampora.Simulation.Proof;
using Ampora.Wakeups;

namespace Ampora.Simulation.Mutations;

/// <summary>The protocol's rules, each switched off, and the invariants that may catch that.</summary>
public static class AllMutations
{
    /// <summary>By name.</summary>
    public static IReadOnlyDictionary<string, Mutation> ByName { get; } = new[]
    {
        Rule("claims-what-nobody-wants", r => r with { ClaimNeedsWanted = false }, Invariants.NoNeedlessChecks),
        Rule("claims-before-not-before", r => r with { ClaimWaitsForNotBefore = false }, Invariants.NoNeedlessChecks),
        Rule("claims-over-a-lease", r => r with { ClaimRespectsLease = false }, Invariants.OneSweeper),
        Rule("claims-a-paused-source", r => r with { ClaimRespectsPause = false }, Invariants.SettingsHold),
        Rule("measures-leases-by-the-callers-clock", r => r with { LeasesByStoreClock = false }, Invariants.OneSweeper, Invariants.NoStarvation),
        Rule("covers-what-was-asked-during-the-check", r => r with { FinishCoversTheClaim = false }, Invariants.AcceptedIsChecked),
        Rule("finishes-without-done", r => r with { FinishMovesDone = false }, Invariants.NoNeedlessChecks),
        Rule("commits-under-a-stale-fence", r => r with { FenceGuards = false }, Invariants.OneSweeper, Invariants.SettingsHold, Invariants.OneAuditRecord),
        Rule("commits-for-another-incarnation", r => r with { IncarnationGuards = false }, Invariants.OneSweeper),
        Rule("claims-without-raising-the-fence", r => r with { ClaimRaisesFence = false }, Invariants.OneSweeper, Invariants.AcceptedIsChecked),
        Rule("finishes-twice", r => r with { FinishesOnce = false }, Invariants.OneAuditRecord, Invariants.OneSweeper),
        Rule("drops-what-a-failed-check-covered", r => r with { FailureKeepsDone = false }, Invariants.AcceptedIsChecked),
        Rule("drops-what-a-postponed-check-covered", r => r with { PostponementKeepsDone = false }, Invariants.AcceptedIsChecked),
        Rule("keeps-config-when-settings-change", r => r with { ChangeRaisesConfig = false }, Invariants.SettingsHold),
        Rule("keeps-the-fence-when-settings-change", r => r with { ChangeRaisesFence = false }, Invariants.SettingsHold),
        Rule("asks-nothing-when-settings-change", r => r with { ChangeAsks = false }, Invariants.AcceptedIsChecked),
        Rule("keeps-the-fence-when-paused", r => r with { PauseRaisesFence = false }, Invariants.SettingsHold),
        Rule("asks-nothing-when-resumed", r => r with { ResumeAsks = false }, Invariants.AcceptedIsChecked),
        Rule("keeps-a-delivery-without-asking", r => r with { WebhooksCount = false }, Invariants.AcceptedIsChecked),
        Rule("takes-a-stale-secret", r => r with { StaleSecretsAreRefused = false }, Invariants.StaleSecretIsRefused),
        Rule("pulls-forward-before-retry-after", r => r with { RetryAfterIsKept = false }, Invariants.NoNeedlessChecks),
        Rule("believes-a-lease-from-before-a-clock-jump", r => r with { LeaseHeals = false }, Invariants.AcceptedIsChecked, Invariants.PollingFinds),
        Rule("believes-a-not-before-from-before-a-clock-jump", r => r with { NotBeforeHeals = false }, Invariants.AcceptedIsChecked, Invariants.PollingFinds),
        Rule("believes-a-next-poll-from-before-a-clock-jump", r => r with { NextPollHeals = false }, Invariants.PollingFinds),
        Rule("believes-a-next-relay-from-before-a-clock-jump", r => r with { RelayHeals = false }, Invariants.OneAuditRecord, Invariants.AcknowledgedAfterCommit),
        Rule("believes-a-wake-up-from-before-a-clock-jump", r => r with { WokenHeals = false }, Invariants.AcceptedIsChecked),
        Rule("believes-a-second-reading-from-before-a-clock-jump", r => r with { RereadHeals = false }, Invariants.AcceptedIsChecked),
        Rule("believes-a-proof-from-before-a-clock-jump", r => r with { ProofHeals = false }, Invariants.PollingFinds),
        Rule("never-judges-what-was-found-before-a-clock-jump", r => r with { FoundHeals = false }, Invariants.PollingFinds),
        Rule("commits-a-run-without-its-message", r => r with { OutboxIsInTheTransaction = false }, Invariants.AcknowledgedAfterCommit),
        Rule("relays-nothing", r => r with { Relays = false }, Invariants.OneAuditRecord, Invariants.AcknowledgedAfterCommit),
        Rule("forgets-a-message-once-it-is-published", r => r with { AcknowledgementRemoves = false }, Invariants.AcknowledgedAfterCommit),
        Rule("reconciles-nothing", r => r with { Reconciles = false }, Invariants.AcceptedIsChecked),
        Rule("polls-nothing", r => r with { Polls = false }, Invariants.PollingFinds),
        Rule("polls-without-a-budget", r => r with { PollsAreBudgeted = false }, Invariants.NoPollStorm),
        Rule("limits-no-host", r => r with { HostsAreLimited = false }, Invariants.NoStarvation),
        Rule("checks-slow-sources-among-the-others", r => r with { SlowOnesAreApart = false }, Invariants.NoStarvation),
        Rule("keeps-a-stretched-interval", r => r with { IntervalsFallBack = false }, Invariants.PollingFinds),
        Rule("adds-a-sweep-again", r => r with { SweepsAreUnique = false }, Invariants.UniqueSweeps),
        Rule("shows-a-snapshot-that-vanished", r => r with { FinishNeedsSnapshot = false }, Invariants.CompleteSnapshots),
        Of("stretches-a-fixed-interval-too-far", p => p with { MaxAdaptiveInterval = TimeSpan.FromHours(2), ProofHolds = TimeSpan.FromHours(24) }, Invariants.PollingFinds),
        Of("has-no-quiet-period", p => p with { QuietPeriod = TimeSpan.Zero }, Invariants.NoNeedlessChecks),
        Of("backs-off-for-a-moment-only", p => p with { FirstBackOff = TimeSpan.FromSeconds(1), MaxBackOff = TimeSpan.FromSeconds(1) }, Invariants.NoNeedlessChecks),
        Of("pulls-a-back-off-forward-to-now", p => p with { PullForward = TimeSpan.Zero }, Invariants.NoNeedlessChecks),
        Of("never-renews-a-lease", p => p with { RenewEvery = TimeSpan.FromHours(1) }, Invariants.OneSweeper),
        Of("reads-a-lagging-host-once", p => p with { ExpectFor = TimeSpan.Zero }, Invariants.LaterPushIsSeen),
        Of("gives-up-on-a-lagging-host-early", p => p with { ExpectFor = TimeSpan.FromSeconds(3) }, Invariants.LaterPushIsSeen),
        Through("looks-no-more-when-more-is-wanted", s => new SatisfiedStore(s), Invariants.LaterPushIsSeen),
        Through("renews-a-lease-in-vain", s => new ForgetfulStore(s), Invariants.OneSweeper),
        Through("makes-a-run-of-each-failure", s => new ForgivingStore(s), Invariants.EachTransition),
        Through("answers-before-the-commit", s => new OptimisticStore(s), Invariants.AcceptedIsCommitted),
        Through("finishes-instead-of-postponing", s => new ImpatientStore(s), Invariants.LaterPushIsSeen),
        By("ignores-retry-after", c => new DeafCheck(c), Invariants.NoNeedlessChecks),
        By("trusts-what-a-webhook-announces", c => new CredulousCheck(c), Invariants.PayloadOnlyWakes) with { Rules = new() { FinishNeedsSnapshot = false } },
        By("reads-the-tip-before-the-claim", c => new RememberingCheck(c), Invariants.AcceptedIsChecked),
        new Mutation { Name = "records-a-message-again", AuditDeduplicates = false, CaughtBy = [Invariants.OneAuditRecord] },
        new Mutation { Name = "acknowledges-before-it-records", AuditCommitsFirst = false, CaughtBy = [Invariants.AcknowledgedAfterCommit] },
        new Mutation { Name = "answers-before-it-commits", IngressCommitsFirst = false, CaughtBy = [Invariants.AcceptedIsCommitted] },
    }.ToDictionary(m => m.Name, StringComparer.Ordinal);

    private static Mutation Rule(string name, Func<ModelRules, ModelRules> off, params string[] caughtBy) => new() { Name = name, Rules = off(new()), CaughtBy = caughtBy };

    private static Mutation Of(string name, Func<WakeupPolicy, WakeupPolicy> policy, params string[] caughtBy) => new() { Name = name, Policy = policy, CaughtBy = caughtBy };

    private static Mutation Through(string name, Func<IWakeupStore, IWakeupStore> store, params string[] caughtBy) => new() { Name = name, Store = store, CaughtBy = caughtBy };

    private static Mutation By(string name, Func<ICheck, ICheck> check, params string[] caughtBy) => new() { Name = name, Check = check, CaughtBy = caughtBy };
}
