using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Ingress.Tests;

public sealed class FloodSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_thousand_webhooks_at_once_are_all_accepted_in_few_transactions(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var tokens = new Dictionary<string, string> { ["one"] = await store.AddSourceAsync("one"), ["two"] = await store.AddSourceAsync("two") };
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        var before = (await store.WakeupAsync("one")).Wanted + (await store.WakeupAsync("two")).Wanted;

        var accepted = await Task.WhenAll(Enumerable.Range(0, 1000).Select(async i =>
        {
            var source = i % 3 == 0 ? "two" : "one";
            while (true)
            {
                using var answer = await ingress.PostAsync(source, tokens[source]);
                if (answer.StatusCode == HttpStatusCode.Accepted)
                    return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancellation)).GetProperty("deliveryId").GetString()!;
                // A machine that is busy with other things tells some to come back, and they do.
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
                await Task.Delay(answer.Headers.RetryAfter!.Delta!.Value, Cancellation);
            }
        }));

        var deliveries = await store.DeliveriesAsync();
        Assert.Equal(1000, accepted.Distinct().Count());
        // Of one that was told to come back, the commit may have been on its way.
        Assert.Subset(deliveries.Select(d => d.Id).ToHashSet(), accepted.ToHashSet());
        Assert.Equal(before + deliveries.Count, (await store.WakeupAsync("one")).Wanted + (await store.WakeupAsync("two")).Wanted);
        // Each delivery has a request of its own, so that the run that covers it can be told.
        Assert.Equal(deliveries.Count, deliveries.Select(d => (d.SourceId, d.Ask)).Distinct().Count());
        await Eventually.HoldsAsync(() => ingress.Received.Wakeups.Select(w => w.Message.SourceId).Distinct().Count() == 2, "both sources are woken");

        // A group has one message for each source, so those tell how many groups there were at most.
        Assert.InRange(ingress.Received.Wakeups.Count, 2, 600);
        if (dialect == DatabaseDialect.Postgres)
            Assert.InRange(await TransactionsAsync(store), 2, 300);
    }

    [Fact]
    public async Task Twelve_webhooks_for_one_source_make_twelve_requests_whatever_the_groups()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString, settings: ("Ampora:Ingress:DeliveriesPerCommit", "5"));
        var before = (await store.WakeupAsync("fleet")).Wanted;

        await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => ingress.PostAsync("fleet", token)));

        Assert.Equal(Enumerable.Range(1, 12).Select(i => (long?)(before + i)), (await store.DeliveriesAsync()).Select(d => d.Ask).Order());
    }

    [Fact]
    public async Task More_than_can_wait_are_told_to_come_back_and_nothing_breaks()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(
            store.ConnectionString, settings: [("Ampora:Ingress:ConcurrentReads", "1"), ("Ampora:Ingress:QueuedReads", "5")]);

        var answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => ingress.PostAsync("fleet", token)));

        var accepted = answers.Count(a => a.StatusCode == HttpStatusCode.Accepted);
        Assert.Equal(accepted, (await store.DeliveriesAsync()).Count);
        var busy = answers.Where(a => a.StatusCode != HttpStatusCode.Accepted).ToArray();
        Assert.NotEmpty(busy);
        Assert.All(busy, a => Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)), (a.StatusCode, a.Headers.RetryAfter?.Delta)));
        using var later = await ingress.PostAsync("fleet", token);
        Assert.Equal(HttpStatusCode.Accepted, later.StatusCode);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(60)]
    public async Task A_rotation_in_the_middle_of_a_flood_is_the_last_moment_of_the_old_token_on_every_replica(int overlapSeconds)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var old = await store.AddSourceAsync("fleet");
        await using var first = await TestIngress.StartAsync(store.ConnectionString);
        await using var second = await TestIngress.StartAsync(store.ConnectionString);
        var replicas = new[] { first, second };
        var results = new ConcurrentBag<(bool New, bool AfterRotation, HttpStatusCode Status)>();
        string? fresh = null;
        var stop = false;

        async Task FloodAsync(int sender)
        {
            for (var i = 0; !Volatile.Read(ref stop); i++)
            {
                // Read before the request is sent: with the new token here, the rotation has returned.
                var rotated = Volatile.Read(ref fresh);
                var useNew = rotated is not null && i % 2 == 0;
                using var answer = await replicas[(sender + i) % 2].PostAsync("fleet", useNew ? rotated : old);
                results.Add((useNew, rotated is not null, answer.StatusCode));
            }
        }

        var flood = Enumerable.Range(0, 40).Select(FloodAsync).ToArray();
        await Eventually.HoldsAsync(() => results.Count > 300, "the flood is in full swing");
        Volatile.Write(ref fresh, await store.RotateAsync("fleet", TimeSpan.FromSeconds(overlapSeconds)));
        await Eventually.HoldsAsync(() => results.Count(r => r.AfterRotation) > 300, "the flood goes on after the rotation");
        Volatile.Write(ref stop, true);
        await Task.WhenAll(flood);

        // A machine that has too much to do may answer 503; it may never take one token for the other.
        void AreNothingBut(IEnumerable<(bool, bool, HttpStatusCode Status)> answers, HttpStatusCode expected)
        {
            var said = answers.Select(a => a.Status).Where(s => s != HttpStatusCode.ServiceUnavailable).ToArray();
            Assert.NotEmpty(said);
            Assert.All(said, s => Assert.Equal(expected, s));
        }

        AreNothingBut(results.Where(r => r.New), HttpStatusCode.Accepted);
        AreNothingBut(results.Where(r => r is { New: false, AfterRotation: true }), overlapSeconds == 0 ? HttpStatusCode.Unauthorized : HttpStatusCode.Accepted);
        Assert.InRange((await store.DeliveriesAsync()).Count, results.Count(r => r.Status == HttpStatusCode.Accepted), results.Count);
        var refused = results.Count(r => r.Status == HttpStatusCode.Unauthorized);
        await Eventually.HoldsAsync(async () => await store.RefusedAsync() == refused, "every refusal is counted");
    }

    private static async Task<int> TransactionsAsync(TestStore store)
    {
        await using var context = store.Database.Read();
        // The transaction that wrote a row is in its xmin.
        return await context.Database.SqlQuery<int>($"""SELECT count(DISTINCT xmin::text)::int AS "Value" FROM deliveries""").SingleAsync(Cancellation);
    }
}
