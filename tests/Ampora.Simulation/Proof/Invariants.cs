namespace Ampora.Simulation.Proof;

/// <summary>Something happened that must never happen.</summary>
/// <param name="invariant">The invariant's number in the design, and its name.</param>
/// <param name="what">What happened.</param>
public sealed class BrokenInvariantException(string invariant, string what) : Exception($"{invariant}: {what}")
{
    /// <summary>The invariant's number and name.</summary>
    public string Invariant => invariant;
}

/// <summary>The invariants by number, as the design lists them.</summary>
public static class Invariants
{
    public const string AcceptedIsChecked = "1 every accepted request leads to a check that starts after it";
    public const string AcceptedIsCommitted = "2 202 only after a durable commit";
    public const string LaterPushIsSeen = "3 a push during a check is seen by the next";
    public const string NoNeedlessChecks = "4 no more checks than are wanted, and no more often than allowed";
    public const string OneSweeper = "5 one effective sweeper for a source";
    public const string EachTransition = "6 each observed transition is one run";
    public const string UniqueSweeps = "7 one sweep for a source and commit";
    public const string CompleteSnapshots = "8 what is visible is complete";
    public const string OneAuditRecord = "9 one audit record for each run";
    public const string AcknowledgedAfterCommit = "10 acknowledged only after the commit";
    public const string NoStarvation = "11 no source delays another";
    public const string PollingFinds = "12 polling finds what webhooks missed, and everything heals";
    public const string PayloadOnlyWakes = "13 a payload chooses nothing";
    public const string StaleSecretIsRefused = "18 an old secret is refused after a rotation";
    public const string NoPollStorm = "22 no poll storm";
    public const string SettingsHold = "23 no check finishes for settings that have changed";
    public const string FollowsTheProtocol = "protocol";
}
