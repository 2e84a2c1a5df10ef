using Ampora.Database;
using Ampora.Ingress.Tests.Hosts;
using Ampora.Store.Webhooks;
using Ampora.TestServers;
using Ampora.Webhooks;

namespace Ampora.Ingress.Tests;

/// <summary>The operator's ring of deliveries that woke nothing and belong in no ledger.</summary>
public sealed class TurnedAwaySpecs(PostgresServer postgres)
{
    public static TheoryData<DatabaseDialect> Dialects => [DatabaseDialect.Postgres, DatabaseDialect.Sqlite];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_refusal_tells_the_operator_what_was_wrong_and_the_sender_nothing(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var push = MethodSpecs.Push("github");

        Assert.Equal("webhook_refused", (await push.Signed(WebhookMethod.GitHub, "another secret").ToAsync(ingress, "fleet")).Code);
        Assert.Equal("webhook_refused", (await push.ToAsync(ingress, "nobody")).Code);

        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Count == 2, "both are in the ledger");
        var rows = (await store.TurnedAwayAsync()).ToDictionary(t => t.Reason);
        var fleet = rows["method_mismatch"];
        Assert.Equal(("fleet", "refused", "github", "push", "127.0.0.1", 1), (fleet.SourceId, fleet.Verdict, fleet.Provider, fleet.Event, fleet.RemoteIp, fleet.Count));
        Assert.Contains("GitHub signature", fleet.Detail, StringComparison.Ordinal);
        Assert.Matches("^dlv_[0-9a-f]{32}$", fleet.Id);
        Assert.Null(rows["source_unknown"].SourceId);
        Assert.Equal("There is no source nobody.", rows["source_unknown"].Detail);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task Equal_refusals_count_in_one_row_and_the_latest_come_last(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        async Task RefuseAsync(int count, string? token)
        {
            for (var i = 0; i < count; i++)
                (await ingress.PostAsync("fleet", token)).Dispose();
        }

        await RefuseAsync(30, "wrong");
        await RefuseAsync(1, null);
        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Sum(t => t.Count) == 31, "all are counted");
        var first = (await store.TurnedAwayAsync()).Single(t => t.Reason == "token_mismatch");
        await RefuseAsync(12, "wrong");
        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Sum(t => t.Count) == 43, "the same row counts on");

        var rows = await store.TurnedAwayAsync();
        Assert.Equal([("token_missing", 1L), ("token_mismatch", 42L)], rows.Select(t => (t.Reason, t.Count)));
        Assert.Equal(first.FirstAt, rows[1].FirstAt);
        Assert.InRange(rows[1].ReceivedAt, first.ReceivedAt.AddTicks(1), DateTimeOffset.MaxValue);
        Assert.Equal(43, await store.RefusedAsync());
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task The_ring_is_bounded_and_a_flood_pushes_out_nothing_but_its_like(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var token = await store.AddSourceAsync("fleet");
        await store.AddSourceAsync("calm");
        var secret = await store.AddSharedSecretAsync("acme", WebhookMethod.GitHub, "git.example/acme/");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        Assert.Equal("accepted", (await new Sending([]).Signed(WebhookMethod.Token, token).ToAsync(ingress, "fleet")).Verdict);
        var matched = await MethodSpecs.Push("github").Signed(WebhookMethod.GitHub, secret).ToAsync(ingress, null);
        Assert.Equal("nothing_matched", matched.Reason);
        (await ingress.PostAsync("calm", "wrong")).Dispose();
        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Any(t => t.SourceId == "calm"), "it is in the ledger");

        // Each names another event, so each is a kind of its own.
        foreach (var source in new[] { "fleet", "nobody", null })
        {
            await Parallel.ForAsync(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
                Assert.Equal(401, (await new Sending([]).With("X-GitHub-Event", $"event-{i}").ToAsync(ingress, source)).Status));
        }

        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 1801, "every refusal is counted");
        var rows = await store.TurnedAwayAsync();
        Assert.Equal(TurnedAwayRing.KindsOfSource, rows.Count(t => t.SourceId == "fleet"));
        Assert.Equal(TurnedAwayRing.KindsOfNone, rows.Count(t => t is { SourceId: null, Verdict: "refused" }));
        Assert.Single(rows, t => t.SourceId == "calm");
        Assert.Single(rows, t => t.Id == matched.DeliveryId);
        Assert.Single(await store.DeliveriesAsync());
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_source_that_is_deleted_takes_its_ring_along_and_holds_up_no_count(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await store.AddSourceAsync("fleet");
        await store.AddSourceAsync("calm");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        for (var i = 0; i < 20; i++)
            (await ingress.PostAsync("fleet", "wrong")).Dispose();
        (await ingress.PostAsync("calm", "wrong")).Dispose();
        await store.DeleteSourceAsync("fleet");
        (await ingress.PostAsync("fleet", "wrong")).Dispose();

        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 22, "every refusal is counted");
        Assert.Equal([null, "calm"], (await store.TurnedAwayAsync()).Select(t => t.SourceId).Order());
    }

    [Fact]
    public async Task What_a_sender_writes_is_one_line_without_control_characters()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var evil = Sending.Of("github", "push", new { @ref = "refs/heads/main", repository = new { full_name = "a\r\nb\u001b[31m\u0000\u202e", clone_url = "https://git.example/a\u001b[31m\r\nb/c" } });

        Assert.Equal(401, (await evil.Signed(WebhookMethod.GitHub, "a secret").ToAsync(ingress, null)).Status);

        await Eventually.HoldsAsync(async () => (await store.TurnedAwayAsync()).Count == 1, "it is in the ledger");
        var row = (await store.TurnedAwayAsync())[0];
        Assert.All(new[] { row.Repository, row.Detail, row.Event }, t => Assert.DoesNotContain(t ?? "", c => char.IsControl(c) || c == '\u202e'));
    }
}
