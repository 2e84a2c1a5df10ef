using Ampora.Contracts;

namespace Ampora.Audit.Tests;

internal static class SampleRuns
{
    public static SyncRunCompleted Succeeded() => new()
    {
        RunId = "run_0123456789abcdef0123456789abcdef",
        SourceId = "fleet",
        Url = "https://git.example.org/acme/fleet.git",
        Ref = "main",
        Trigger = "webhook",
        TriggeredBy = [new RunTrigger("webhook", "dlv_1", null, "192.0.2.7"), new RunTrigger("manual", null, "req_1", "token:ops")],
        Outcome = "succeeded",
        PreviousSha = new string('a', 40),
        Sha = new string('b', 40),
        Commit = new CommitSummary("Ada <ada@example.org>", "Raise the limits", new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)),
        Changes = [new PathChange("a.yaml", "modified")],
        Counts = new ChangeCounts(0, 1, 0),
        RequestedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 1, TimeSpan.Zero),
        StartedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 2, TimeSpan.Zero),
        CompletedAt = new DateTimeOffset(2026, 1, 1, 0, 0, 3, TimeSpan.Zero),
    };

    public static SyncRunCompleted Failed() => Succeeded() with
    {
        Outcome = "failed",
        Trigger = "poll",
        TriggeredBy = [new RunTrigger("poll", null, null, null)],
        Sha = null,
        Commit = null,
        Changes = [],
        Counts = ChangeCounts.None,
        Error = new RunError("authentication_failed", "401 from git.example.org", "Give a credential"),
    };
}
