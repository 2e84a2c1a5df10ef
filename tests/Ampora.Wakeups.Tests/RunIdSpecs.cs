namespace Ampora.Wakeups.Tests;

public class RunIdSpecs
{
    private static readonly Claim Claim = new()
    {
        SourceId = "fleet",
        SourceUid = new Guid("0190b1c2-0000-7000-8000-000000000001"),
        Owner = "host:1:a",
        Fence = 7,
        Covered = 3,
        Done = 2,
        CoversWebhook = true,
        CoversManual = false,
        HasRun = true,
        AskedAt = DateTimeOffset.UnixEpoch,
        ClaimedAt = DateTimeOffset.UnixEpoch.AddSeconds(5),
        Config = 1,
        Host = "git.test:443",
        Url = "https://git.test/fleet.git",
        Ref = "main",
    };

    [Fact]
    public void A_retried_finish_makes_the_same_ids() =>
        Assert.Equal((RunIds.RunId(Claim), RunIds.MessageId(Claim)), (RunIds.RunId(Claim with { Failures = 2 }), RunIds.MessageId(Claim with { Failures = 2 })));

    [Fact]
    public void A_fence_that_a_restored_store_gives_out_a_second_time_makes_other_ids()
    {
        Claim[] claims = [Claim, Claim with { Fence = 8 }, Claim with { ClaimedAt = Claim.ClaimedAt.AddMicroseconds(1) }, Claim with { Owner = "host:1:b" }];
        Assert.Equal(claims.Length, claims.Select(RunIds.RunId).Distinct().Count());
        Assert.Equal(claims.Length, claims.Select(RunIds.MessageId).Distinct().Count());
    }
}
