using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Ampora.Store.Tests;

/// <summary>What a database of the first release holds is there after the upgrade.</summary>
public sealed class FirstSchemaSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Sources_secrets_deliveries_and_wake_ups_of_the_first_release_are_kept(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect, migrate: false);
        await using (var context = store.Database.Read())
        {
            await context.GetService<IMigrator>().MigrateAsync("20260101000000_Initial", Token);
            await context.Database.ExecuteSqlRawAsync(Rows(dialect), Token);
        }

        await store.Database.MigrateAsync(Token);

        await using var read = store.Database.Read();
        var sources = await read.Sources.Include(s => s.Labels).Include(s => s.WebhookSecret).Include(s => s.Wakeup).OrderBy(s => s.Id).ToListAsync(Token);
        Assert.Equal(["fleet", "other", "quiet"], sources.Select(s => s.Id));
        Assert.All(sources, s => Assert.Equal((null, null, "token"), (s.RepositoryKey, s.BitbucketServerKey, s.WebhookAuth)));
        Assert.Equal("ops", Assert.Single(sources[0].Labels).Value);

        var rotated = sources[0].WebhookSecret!;
        Assert.Equal(("token", "token", At(5)), (rotated.Auth, rotated.PreviousAuth, rotated.PreviousValidUntil));
        Assert.Equal([1, 2], rotated.SecretHash);
        Assert.Equal([3, 4], rotated.PreviousSecretHash);
        Assert.Equal(At(1), rotated.CreatedAt);
        Assert.Equal((null, null, null, null), (rotated.SecretEncrypted, rotated.PreviousSecretEncrypted, rotated.UsedAt, rotated.Username));
        var only = sources[1].WebhookSecret!;
        Assert.Equal(("token", null, null), (only.Auth, only.PreviousAuth, only.PreviousSecretHash));
        Assert.Null(sources[2].WebhookSecret);

        var wakeup = sources[0].Wakeup!;
        Assert.Equal((7, 6, 5, 3, "git.example:443"), (wakeup.Wanted, wakeup.Done, wakeup.WantedWebhook, wakeup.SecretVersion, wakeup.Host));
        Assert.Equal(("https://git.example/org/fleet.git", 0L), (wakeup.Remote, wakeup.SkippedTotal));
        Assert.Equal((60, 60, true, At(3)), (wakeup.PollIntervalSeconds, wakeup.BasePollIntervalSeconds, wakeup.Adaptive, wakeup.LastWebhookAt));
        Assert.Equal((0, 0L, null, null), (wakeup.MissedInRow, wakeup.MissedTotal, wakeup.ExpectedUntil, wakeup.RereadCovers));
        Assert.Equal((300, false, null), (sources[1].Wakeup!.BasePollIntervalSeconds, sources[1].Wakeup!.Adaptive, sources[1].Wakeup!.LastWebhookAt));

        var deliveries = await read.Deliveries.OrderBy(d => d.Sequence).ToListAsync(Token);
        Assert.Equal(["dlv_1", "dlv_2"], deliveries.Select(d => d.Id));
        Assert.Equal(("run", "run_1", 5L, "push"), (deliveries[1].Result, deliveries[1].RunId, deliveries[1].Ask, deliveries[1].Event));
        Assert.Equal("req_1", (await read.CheckRequests.SingleAsync(Token)).Id);

        // And they still belong to their source.
        await read.Sources.Where(s => s.Id == "fleet").ExecuteDeleteAsync(Token);
        Assert.False(await read.Deliveries.AnyAsync(Token));
        Assert.Equal(1, await read.WebhookSecrets.CountAsync(Token));
        Assert.Equal(2, await read.Wakeups.CountAsync(Token));
    }

    private static DateTimeOffset At(int minute) => DateTimeOffset.UnixEpoch.AddYears(56).AddMinutes(minute);

    private static string Rows(DatabaseDialect dialect)
    {
        var postgres = dialect == DatabaseDialect.Postgres;
        string Time(int minute) => postgres ? $"'{At(minute):O}'" : $"{(At(minute) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond}";
        string Bytes(string hex) => postgres ? $@"'\x{hex}'" : $"x'{hex}'";
        string Source(string id, string polling) =>
            $"INSERT INTO sources (id, uid, url, ref, poll_interval_seconds, polling, webhook_auth, version, created_at, updated_at) "
            + $"VALUES ('{id}', '{Guid.NewGuid().ToString().ToUpperInvariant()}', 'https://git.example/org/{id}.git', 'main', 60, '{polling}', 'token', 1, {Time(0)}, {Time(0)});";
        string Wakeup(string id, int interval) =>
            $"INSERT INTO wakeups (source_id, wanted, done, wanted_webhook, wanted_manual, fence, config, secret_version, paused, host, waiting_for_host, "
            + $"poll_interval_seconds, next_poll_at, failures, run_count) VALUES ('{id}', 7, 6, 5, 0, 4, 2, 3, FALSE, 'git.example:443', FALSE, {interval}, {Time(9)}, 0, 2);";
        string Delivery(int n, string verdict, string columns, string values) =>
            $"INSERT INTO deliveries (id, sequence, source_id, received_at, provider, event, verdict{columns}) "
            + $"VALUES ('dlv_{n}', {n}, 'fleet', {Time(n + 1)}, 'token', 'push', '{verdict}'{values});";
        return $"""
            {Source("fleet", "adaptive")} {Source("other", "fixed")} {Source("quiet", "fixed")}
            INSERT INTO source_labels (source_id, key, value) VALUES ('fleet', 'team', 'ops');
            {Wakeup("fleet", 60)} {Wakeup("other", 300)} {Wakeup("quiet", 60)}
            INSERT INTO webhook_secrets (source_id, token_hash, created_at, previous_token_hash, previous_valid_until)
            VALUES ('fleet', {Bytes("0102")}, {Time(1)}, {Bytes("0304")}, {Time(5)}), ('other', {Bytes("05")}, {Time(2)}, NULL, NULL);
            {Delivery(1, "ignored", ", reason", ", 'source_paused'")} {Delivery(2, "accepted", ", ask, result, run_id", ", 5, 'run', 'run_1'")}
            INSERT INTO check_requests (id, source_id, actor, requested_at, ask) VALUES ('req_1', 'fleet', 'token:ops', {Time(1)}, 1);
            """;
    }
}
