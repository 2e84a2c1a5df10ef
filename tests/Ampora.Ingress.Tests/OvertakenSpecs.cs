using Ampora.Database;
using Ampora.Store.Wakeups;
using Ampora.TestServers;

namespace Ampora.Ingress.Tests;

/// <summary>What an operator does between a webhook's verification and its commit counts for the commit.</summary>
public sealed class OvertakenSpecs(PostgresServer postgres)
{
    public static TheoryData<DatabaseDialect> Dialects => [DatabaseDialect.Postgres, DatabaseDialect.Sqlite];

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_token_that_is_rotated_away_in_between_is_refused(DatabaseDialect dialect)
    {
        var (answer, store) = await HeldWhileAsync(dialect, store => store.RotateAsync("fleet", TimeSpan.Zero));
        await using (store)
        {
            Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
            Assert.Empty(await store.DeliveriesAsync());
            Assert.Equal(0, (await store.WakeupAsync("fleet")).WantedWebhook);
            var entry = Assert.Single(await store.AuditEntriesAsync("webhook.refused"));
            Assert.Equal(("source:fleet", "secret_rotated"), (entry.Subject, entry.Detail["reason"]));
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_token_that_is_rotated_with_an_overlap_in_between_is_accepted_as_the_previous_one(DatabaseDialect dialect)
    {
        var (answer, store) = await HeldWhileAsync(dialect, store => store.RotateAsync("fleet", TimeSpan.FromMinutes(1)));
        await using (store)
        {
            Assert.StartsWith("HTTP/1.1 202 ", answer, StringComparison.Ordinal);
            Assert.Equal("previous", Assert.Single(await store.DeliveriesAsync()).SignedBy);
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_token_that_is_revoked_in_between_is_refused(DatabaseDialect dialect)
    {
        var (answer, store) = await HeldWhileAsync(dialect, store => store.RevokeAsync("fleet"));
        await using (store)
        {
            Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
            Assert.Empty(await store.DeliveriesAsync());
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_source_that_is_deleted_in_between_is_unknown(DatabaseDialect dialect)
    {
        var (answer, store) = await HeldWhileAsync(dialect, store => store.DeleteSourceAsync("fleet"));
        await using (store)
        {
            Assert.StartsWith("HTTP/1.1 401 ", answer, StringComparison.Ordinal);
            Assert.Equal("source:unknown", Assert.Single(await store.AuditEntriesAsync("webhook.refused")).Subject);
        }
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_source_that_is_paused_in_between_is_not_woken(DatabaseDialect dialect)
    {
        var (answer, store) = await HeldWhileAsync(
            dialect,
            store => store.Database.WriteAsync(
                (context, cancellation) => SourceWakeups.PauseAsync(context, "fleet", cancellation), TestContext.Current.CancellationToken));
        await using (store)
        {
            Assert.StartsWith("HTTP/1.1 202 ", answer, StringComparison.Ordinal);
            Assert.Contains("source_paused", answer, StringComparison.Ordinal);
            Assert.Equal(0, (await store.WakeupAsync("fleet")).WantedWebhook);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_database_that_goes_away_in_between_is_a_503_in_time(bool stopped)
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var token = await store.AddSourceAsync("fleet");
        await using var link = new DatabaseLink(store.ConnectionString);
        await using var ingress = await TestIngress.StartAsync(link.ConnectionString);
        using var held = await HeldWebhook.SendHeadAsync(ingress, "fleet", token);

        if (stopped)
            link.Cut();
        else
            link.Freeze();
        var started = TimeProvider.System.GetTimestamp();
        var answer = await held.FinishAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.StartsWith("HTTP/1.1 503 ", answer, StringComparison.Ordinal);
        Assert.Contains("Retry-After: 1", answer, StringComparison.Ordinal);
        link.Thaw();
    }

    /// <summary>Sends a webhook, does something after its verification, and stops the service so that everything is written.</summary>
    private async Task<(string Answer, TestStore Store)> HeldWhileAsync(DatabaseDialect dialect, Func<TestStore, Task> between)
    {
        var store = await TestStore.CreateAsync(postgres, dialect);
        var token = await store.AddSourceAsync("fleet");
        await using var ingress = await TestIngress.StartAsync(store.ConnectionString);
        using var held = await HeldWebhook.SendHeadAsync(ingress, "fleet", token);
        await between(store);
        var answer = await held.FinishAsync();
        await ingress.StopAsync();
        return (answer, store);
    }
}
