using Ampora.Contracts;
using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Restoring;
using Ampora.TestServers;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Store.Tests;

public class RestoringSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_restored_store_checks_every_source_anew_and_gives_no_number_out_twice(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateWithSourceAsync(postgres, dialect);
        await store.AddSourceAsync("paused");
        await store.Database.WriteAsync(
            (context, token) => context.Database.ExecuteSqlAsync($"UPDATE wakeups SET done = wanted, paused = (source_id = 'paused')", token), Token);
        // One for each start of a scheduler.
        Assert.Null(await new Restoration(store.Database).LookAsync(Token));
        Assert.Null(await new Restoration(store.Database).LookAsync(Token));
        var before = await ReadAsync(store);

        await RestoreAsync(store);
        Assert.Equal(1, await new Restoration(store.Database).LookAsync(Token));
        Assert.Null(await new Restoration(store.Database).LookAsync(Token));

        var after = await ReadAsync(store);
        Assert.Equal(["fleet"], after.Where(w => w.Wanted > w.Done).Select(w => w.SourceId));
        Assert.All(before.Zip(after), pair => Assert.True(pair.Second.Fence > pair.First.Fence));
        await using var read = store.Database.Read();
        Assert.True((await read.Sequences.SingleAsync(s => s.Name == "events", Token)).Value > 1_000_000);
        Assert.All(await read.Sources.ToListAsync(Token), source => Assert.True(source.Version > 1_000_000));
        Assert.Contains("store.restored", Assert.Single(await read.Outbox.ToListAsync(Token)).Payload, StringComparison.Ordinal);
        Assert.Single(await read.CheckRequests.Where(r => r.Actor == "system").ToListAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_audit_log_that_gives_a_number_out_again_is_sent_what_it_forgot(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        var recorded = new RecordedMessages(store.Database);
        var messages = new List<Guid>();
        for (var number = 1; number <= 5; number++)
            messages.Add(await RecordAsync(store, recorded, number));
        Assert.Empty(await OutboxAsync(store));

        // The log was restored to where it had two entries, and records another as its third.
        var next = await AddAsync(store);
        var forgotten = await recorded.NoteAsync(new AuditEntryCommitted { RecordedMessageId = next, AuditId = 3 }, Token);
        await RemoveAsync(store, next);

        Assert.Equal(new ForgottenEntries(3, SentAgain: 3, NotKept: 0), forgotten);
        var owed = await OutboxAsync(store);
        Assert.Equal(messages[2..].Order(), owed.Where(m => !m.Payload.Contains("audit.restored", StringComparison.Ordinal)).Select(m => m.Id).Order());
        Assert.Equal(4, owed.Count);
        // Each gets another number now, which nobody else has.
        for (var i = 2; i < 5; i++)
            Assert.Null(await recorded.NoteAsync(new AuditEntryCommitted { RecordedMessageId = messages[i], AuditId = i + 2 }, Token));
    }

    [Fact]
    public async Task A_message_that_is_acknowledged_again_and_again_is_kept_once()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        var recorded = new RecordedMessages(store.Database);
        var message = await RecordAsync(store, recorded, 1);
        Assert.Null(await recorded.NoteAsync(new AuditEntryCommitted { RecordedMessageId = message, AuditId = 1 }, Token));
        await using var read = store.Database.Read();
        Assert.Equal((message, 1), (await read.Recorded.Select(r => new { r.Id, r.AuditId }).ToListAsync(Token)) is [var only] ? (only.Id, only.AuditId) : default);
    }

    private static async Task RestoreAsync(TestStore store)
    {
        if (store.Address.Dialect == DatabaseDialect.Postgres)
        {
            // What pg_restore does at its end.
            await store.Database.WriteAsync((context, token) => context.Database.ExecuteSqlAsync($"REFRESH MATERIALIZED VIEW store_copy", token), Token);
            return;
        }

        var path = new SqliteConnectionStringBuilder(store.Address.ConnectionString).DataSource;
        await using (var context = store.Database.Read())
            await context.Database.ExecuteSqlAsync($"VACUUM INTO {path + ".backup"}", Token);
        Assert.Null(await new Restoration(store.Database).LookAsync(Token));
        SqliteConnection.ClearAllPools();
        foreach (var file in new[] { path, path + "-wal", path + "-shm" })
            File.Delete(file);
        File.Move(path + ".backup", path);
    }

    private static async Task<List<Wakeup>> ReadAsync(TestStore store)
    {
        await using var context = store.Database.Read();
        return await context.Wakeups.AsNoTracking().OrderBy(w => w.SourceId).ToListAsync(Token);
    }

    private static async Task<Guid> RecordAsync(TestStore store, RecordedMessages recorded, long number)
    {
        var message = await AddAsync(store);
        Assert.Null(await recorded.NoteAsync(new AuditEntryCommitted { RecordedMessageId = message, AuditId = number }, Token));
        await RemoveAsync(store, message);
        return message;
    }

    private static Task<Guid> AddAsync(TestStore store) => store.Database.WriteAsync(
        async (context, token) => (await StoreJournal.AddAuditAsync(
            context, new AuditRecorded { OccurredAt = DateTimeOffset.UnixEpoch, Actor = "test", Action = "test.done", Subject = "test", Detail = new Dictionary<string, string>() }, token)).Id,
        Token);

    // What the protocol does with an acknowledged message.
    private static Task<int> RemoveAsync(TestStore store, Guid message) => store.Database.WriteAsync(
        (context, token) => context.Outbox.Where(o => o.Id == message).ExecuteDeleteAsync(token), Token);

    private static async Task<List<OutboxRow>> OutboxAsync(TestStore store)
    {
        await using var context = store.Database.Read();
        return await context.Outbox.AsNoTracking().ToListAsync(Token);
    }
}
