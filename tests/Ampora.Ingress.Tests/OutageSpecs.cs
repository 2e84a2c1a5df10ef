using System.Net;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.Extensions.Logging;

namespace Ampora.Ingress.Tests;

public sealed class OutageSpecs(PostgresServer postgres)
{
    // What senders are promised.
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_its_database_it_answers_503_in_time_and_carries_on_when_the_database_is_back(bool stopped)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var link = new DatabaseLink(store.ConnectionString);
        await using var ingress = await TestIngress.StartAsync(link.ConnectionString);
        Assert.All(await SendAsync(ingress, token, 50), a => Assert.Equal(HttpStatusCode.Accepted, a.Status));

        if (stopped)
            link.Cut();
        else
            link.Freeze();
        foreach (var count in new[] { 1, 200 })
        {
            var answers = await SendAsync(ingress, token, count);
            Assert.All(answers, a =>
            {
                Assert.Equal((HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(1)), (a.Status, a.RetryAfter));
                Assert.InRange(a.Took, TimeSpan.Zero, AnswerDeadline);
            });
        }

        // Who has no token learns nothing more from an outage.
        Assert.All(await SendAsync(ingress, "wrong", 5), a => Assert.Equal(HttpStatusCode.ServiceUnavailable, a.Status));

        if (stopped)
            link.Mend();
        else
            link.Thaw();
        await Eventually.HoldsAsync(async () => (await SendAsync(ingress, token, 1))[0].Status == HttpStatusCode.Accepted, "webhooks are accepted again");
        await Eventually.HoldsAsync(
            async () =>
            {
                await SendAsync(ingress, token, 1);
                return ingress.Logs.Count(LogLevel.Information, "The database is back") == 1;
            },
            "the end is noticed");
        Assert.Equal(1, ingress.Logs.Count(LogLevel.Warning, "The database is away"));
    }

    [Fact]
    public async Task A_database_that_goes_away_under_a_flood_costs_no_accepted_webhook()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var link = new DatabaseLink(store.ConnectionString);
        await using var ingress = await TestIngress.StartAsync(link.ConnectionString);

        var flood = Task.WhenAll(Enumerable.Range(0, 30).Select(async _ =>
        {
            var answers = new List<Answer>();
            for (var i = 0; i < 40; i++)
                answers.AddRange(await SendAsync(ingress, token, 1));
            return answers;
        }));
        for (var i = 0; i < 4; i++)
        {
            await Task.Delay(150, TestContext.Current.CancellationToken);
            link.Cut();
            await Task.Delay(50, TestContext.Current.CancellationToken);
            link.Mend();
        }

        var all = (await flood).SelectMany(a => a).ToArray();
        Assert.All(all, a => Assert.Contains(a.Status, new[] { HttpStatusCode.Accepted, HttpStatusCode.ServiceUnavailable }));
        // A 503 may have been committed all the same; a 202 must have been.
        var accepted = all.Count(a => a.Status == HttpStatusCode.Accepted);
        Assert.InRange((await store.DeliveriesAsync()).Count, accepted, all.Length);
        Assert.InRange((await store.WakeupAsync("fleet")).WantedWebhook, accepted, long.MaxValue);
    }

    [Fact]
    public async Task Without_the_broker_webhooks_are_accepted_at_once_and_one_warning_says_so()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        // Nobody listens there.
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString, broker: "amqp://guest:guest@127.0.0.1:9/");
        await SendAsync(ingress, token, 1);

        for (var i = 0; i < 4; i++)
        {
            Assert.All(await SendAsync(ingress, token, 50), a =>
            {
                Assert.Equal(HttpStatusCode.Accepted, a.Status);
                Assert.InRange(a.Took, TimeSpan.Zero, TimeSpan.FromSeconds(1));
            });
            await Task.Delay(1000, TestContext.Current.CancellationToken);
        }

        await Eventually.HoldsAsync(() => ingress.Logs.Count(LogLevel.Warning, "The message bus is away") == 1, "the warning is logged");
        Assert.Equal(201, (await store.DeliveriesAsync()).Count);
        Assert.Equal(1, ingress.Logs.Count(LogLevel.Warning, "The message bus is away"));
    }

    [Fact]
    public async Task Once_the_broker_is_back_wakeups_are_announced_again()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var broker = await RabbitMqServer.StartPrivateAsync(TestContext.Current.CancellationToken);
        await using var ingress = await TestIngress.StartAsync(
            store.ConnectionString, broker: await broker.CreateVirtualHostAsync(TestContext.Current.CancellationToken));

        await broker.StopAppAsync(TestContext.Current.CancellationToken);
        await Eventually.HoldsAsync(
            async () =>
            {
                var answer = (await SendAsync(ingress, token, 1))[0];
                Assert.Equal(HttpStatusCode.Accepted, answer.Status);
                Assert.InRange(answer.Took, TimeSpan.Zero, TimeSpan.FromSeconds(1));
                return ingress.Logs.Count(LogLevel.Warning, "The message bus is away") == 1;
            },
            "the broker is missed");

        await broker.StartAppAsync(TestContext.Current.CancellationToken);
        await Eventually.HoldsAsync(
            async () =>
            {
                Assert.Equal(HttpStatusCode.Accepted, (await SendAsync(ingress, token, 1))[0].Status);
                return ingress.Logs.Count(LogLevel.Information, "The message bus is back") == 1;
            },
            "the broker is found again");
    }

    private static async Task<Answer[]> SendAsync(TestIngress ingress, string token, int count) =>
        await Task.WhenAll(Enumerable.Range(0, count).Select(async _ =>
        {
            var started = TimeProvider.System.GetTimestamp();
            using var answer = await ingress.PostAsync("fleet", token);
            return new Answer(answer.StatusCode, answer.Headers.RetryAfter?.Delta, TimeProvider.System.GetElapsedTime(started));
        }));

    private sealed record Answer(HttpStatusCode Status, TimeSpan? RetryAfter, TimeSpan Took);
}
