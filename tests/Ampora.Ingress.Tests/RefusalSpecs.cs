using System.Globalization;
using System.Net;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Ampora.TestServers;

namespace Ampora.Ingress.Tests;

public sealed class RefusalSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Every_refusal_is_counted_by_source_address_and_reason(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);

        await RefuseAsync(ingress, "fleet", "wrong", 300);
        await RefuseAsync(ingress, "fleet", null, 20);
        await RefuseAsync(ingress, "nobody", "wrong", 7);
        await RefuseAsync(ingress, "Not-A-Slug", null, 3);
        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 330, "all are counted");

        var entries = await store.AuditEntriesAsync("webhook.refused");
        Assert.All(entries, e => Assert.Equal(("address:127.0.0.1", "127.0.0.1"), (e.Actor, e.RemoteIp)));
        var counts = entries.ToLookup(e => (e.Subject, e.Detail["reason"]), e => e.Count);
        Assert.Equal(300, counts[("source:fleet", "token_mismatch")].Sum());
        Assert.Equal(20, counts[("source:fleet", "token_missing")].Sum());
        // What does not exist is not named: a sender chooses that text.
        Assert.Equal(10, counts[("source:unknown", "source_unknown")].Sum());
        Assert.Equal(3, counts.Count);
        // Grouped, not one by one.
        Assert.InRange(entries.Count, 3, 60);
    }

    [Fact]
    public async Task More_kinds_than_are_told_apart_are_counted_together()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        for (var i = 0; i < 20; i++)
            await store.AddSourceAsync($"source-{i}");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString, settings: ("Ampora:Ingress:RefusalsToldApart", "3"));

        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => RefuseAsync(ingress, $"source-{i}", "wrong", 10)));
        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == 200, "all are counted");

        var entries = await store.AuditEntriesAsync("webhook.refused");
        var overflow = entries.Where(e => e.Detail["reason"] == "overflow").ToArray();
        Assert.NotEmpty(overflow);
        Assert.All(overflow, e => Assert.Equal(("source:unknown", "address:various", null), (e.Subject, e.Actor, e.RemoteIp)));
    }

    [Fact]
    public async Task Counts_outlive_an_outage_and_are_exact_afterwards()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        await store.AddSourceAsync("fleet");
        await using var link = new DatabaseLink(store.ConnectionString);
        await using var ingress = await TestIngress.StartAsync(link.ConnectionString);
        var refused = 0;

        // The link breaks at every point of a flush, the commit included; only what was answered 401 is counted.
        using var ended = new CancellationTokenSource();
        var breaking = BreakAsync();
        for (var i = 0; i < 40; i++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ingress.PostAsync("fleet", "wrong")));
            refused += answers.Count(a => a.StatusCode == HttpStatusCode.Unauthorized);
            await Task.Delay(100, Cancellation);
        }

        await ended.CancelAsync();
        await breaking;
        await Eventually.HoldsAsync(async () => await store.RefusedAsync() >= refused, "all are counted");
        // A flush that was committed twice would come within this time.
        await Task.Delay(2000, Cancellation);
        Assert.Equal(refused, await store.RefusedAsync());
        Assert.NotEqual(0, refused);

        async Task BreakAsync()
        {
            while (!ended.IsCancellationRequested)
            {
                await Task.Delay(Random.Shared.Next(50, 400), CancellationToken.None);
                link.Cut();
                await Task.Delay(Random.Shared.Next(1, 60), CancellationToken.None);
                link.Mend();
            }
        }
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_orderly_stop_writes_what_was_counted_and_says_goodbye(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        Assert.Equal("ingress", Assert.Single(await store.InstancesAsync()).Service);

        await RefuseAsync(ingress, "nobody", "wrong", 50);
        await ingress.StopAsync();

        Assert.Equal(50, await store.RefusedAsync());
        Assert.Empty(await store.InstancesAsync());
        Assert.Empty(await store.AuditEntriesAsync("webhook.refusals_gap"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_process_that_ended_without_a_goodbye_leaves_one_gap_on_record(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        DateTimeOffset now = default;
        await store.Database.WriteAsync(
            async (context, cancellation) =>
            {
                now = await SourceWakeups.NowAsync(context, cancellation);
                ServiceInstance Instance(string id, string service, int secondsAgo) =>
                    new() { Id = id, Service = service, StartedAt = now.AddHours(-1), SeenAt = now.AddSeconds(-secondsAgo) };
                context.AddRange(Instance("dead", "ingress", 60), Instance("alive", "ingress", 5), Instance("other", "sweeper", 60));
                await context.SaveChangesAsync(cancellation);
            },
            Cancellation);

        // Two replicas find it at the same time; one tells.
        var replicas = await Task.WhenAll(TestIngress.StartAsync(store.ConnectionString), TestIngress.StartAsync(store.ConnectionString));

        var gap = Assert.Single(await store.AuditEntriesAsync("webhook.refusals_gap"));
        Assert.Equal(("system", "service:ingress", "dead"), (gap.Actor, gap.Subject, gap.Detail["instance"]));
        Assert.Equal(now.AddSeconds(-60), DateTimeOffset.Parse(gap.Detail["from"], CultureInfo.InvariantCulture), TimeSpan.FromMilliseconds(1));
        Assert.InRange(DateTimeOffset.Parse(gap.Detail["to"], CultureInfo.InvariantCulture), now.AddSeconds(-1), now.AddMinutes(1));
        var instances = await store.InstancesAsync();
        Assert.Equal(4, instances.Count);
        Assert.DoesNotContain(instances, i => i.Id == "dead");
        foreach (var replica in replicas)
            await replica.DisposeAsync();
        Assert.Equal(2, (await store.InstancesAsync()).Count);
    }

    private static async Task RefuseAsync(TestIngress ingress, string source, string? token, int count)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => ingress.PostAsync(source, token)));
        Assert.All(answers, a => Assert.Equal(HttpStatusCode.Unauthorized, a.StatusCode));
    }
}
