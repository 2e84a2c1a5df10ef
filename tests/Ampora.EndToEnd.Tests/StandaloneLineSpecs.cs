using Ampora.Contracts;
using Ampora.Git;
using Ampora.Standalone;

namespace Ampora.EndToEnd.Tests;

public sealed class StandaloneLineSpecs
{
    [Fact]
    public void A_run_is_one_line() =>
        Assert.Equal("fleet: 1a2b3c4 \"Raise the limits\" webhook, 3 files changed, 84 ms", RunLines.Success(Run()));

    [Fact]
    public void A_recovery_says_so() =>
        Assert.Equal(
            "fleet: 1a2b3c4 poll, recovered after 1 failed check, 1 file changed, 84 ms",
            RunLines.Success(Run() with { Trigger = "poll", RecoveredAfterFailures = 1, Commit = null, Counts = new ChangeCounts(1, 0, 0) }));

    [Fact]
    public void A_failure_is_one_line_with_its_remedy() =>
        Assert.Equal(
            "fleet: 401 from git.example.org: the repository is private or does not exist: give a credential; retry in 8 s; see --username",
            RunLines.Failure(
                Run() with { Error = new RunError("auth_failed", "401 from git.example.org", "The repository is private or does not exist: give a credential.") },
                TimeSpan.FromSeconds(7.4)));

    [Theory]
    [InlineData("auth_failed", "git@git.example.org:fleet.git", "--ssh-key")]
    [InlineData("not_found", "ssh://git.example.org/fleet.git", "--ssh-key")]
    [InlineData("not_found", "https://git.example.org/fleet.git", "--username")]
    [InlineData("host_key_unknown", "git@git.example.org:fleet.git", "--known-hosts")]
    [InlineData("host_key_changed", "git@git.example.org:fleet.git", "--known-hosts")]
    [InlineData("key_unreadable", "git@git.example.org:fleet.git", "--passphrase-file")]
    [InlineData("ref_not_found", "git@git.example.org:fleet.git", "--ref")]
    [InlineData("moved", "https://git.example.org/fleet.git", "--source")]
    [InlineData("timeout", "https://git.example.org/fleet.git", null)]
    public void A_failure_names_the_option_that_mends_it(string code, string url, string? option) => Assert.Equal(
        "fleet: what: do this" + (option is null ? "" : $"; see {option}"), RunLines.Failure(Run() with { Url = url, Error = new RunError(code, "What.", "Do this.") }, null));

    [Theory]
    [InlineData("first\nfleet: 1a2b3c4 \"forged\" webhook, 1 file changed, 1 ms", "firstfleet: 1a2b3c4 'forged' webhook, 1 file changed, 1 ms")]
    [InlineData("\u001b[2J\u001b[31mred\u0007", "[2J[31mred")]
    [InlineData("a\u202egnp.exe\u2028b\u0085c\rd", "agnp.exebcd")]
    [InlineData("end\" webhook, 0 files changed", "end' webhook, 0 files changed")]
    public void What_a_repository_says_cannot_leave_its_place_in_the_line(string subject, string shown) =>
        Assert.Equal(
            $"fleet: 1a2b3c4 \"{shown}\" webhook, 3 files changed, 84 ms",
            RunLines.Success(Run() with { Commit = new CommitSummary("Ada", subject, DateTimeOffset.UnixEpoch) }));

    [Fact]
    public void A_long_subject_is_cut() =>
        Assert.InRange(RunLines.Success(Run() with { Commit = new CommitSummary("Ada", new string('x', 100_000), DateTimeOffset.UnixEpoch) }).Length, 100, 200);

    [Theory]
    [InlineData("https://host/org/Fleet.Config.git", "fleet-config")]
    [InlineData("https://host/org/fleet/", "fleet")]
    [InlineData("https://host/a%20b.git", "a-b")]
    [InlineData("https://host/%E2%98%83.git", "source")]
    [InlineData("git@host:org/Fleet.git", "fleet")]
    [InlineData("git@host:fleet.git", "fleet")]
    [InlineData("ssh://git@host:2222/~ada/fleet", "fleet")]
    [InlineData("https://host/-x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.git", "x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void A_source_is_named_after_its_repository(string url, string slug)
    {
        Assert.Null(GitUrl.TryParse(url, out var parsed));
        Assert.Equal(slug, SourceRegistration.Slug(parsed!));
    }

    private static SyncRunCompleted Run() => new()
    {
        RunId = "run_1",
        SourceId = "fleet",
        Url = "https://git.example.org/fleet.git",
        Ref = "main",
        Trigger = "webhook",
        TriggeredBy = [],
        Outcome = "succeeded",
        Sha = "1a2b3c4d5e6f",
        Commit = new CommitSummary("Ada", "Raise the limits", DateTimeOffset.UnixEpoch),
        Changes = [],
        Counts = new ChangeCounts(1, 1, 1),
        RequestedAt = DateTimeOffset.UnixEpoch,
        StartedAt = DateTimeOffset.UnixEpoch,
        CompletedAt = DateTimeOffset.UnixEpoch.AddMilliseconds(84.4),
    };
}
