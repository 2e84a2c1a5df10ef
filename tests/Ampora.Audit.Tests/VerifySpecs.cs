using Ampora.Audit.Chain;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Tests;

public sealed class VerifySpecs(PostgresServer postgres)
{
    private const int Entries = 12;
    private const int Page = 100;

    public static TheoryData<DatabaseDialect, string, string, long> Tampering()
    {
        var cases = new TheoryData<DatabaseDialect, string, string, long>();
        foreach (var dialect in Enum.GetValues<DatabaseDialect>())
        {
            foreach (var (column, value) in new[]
            {
                ("message_id", dialect == DatabaseDialect.Postgres ? "gen_random_uuid()" : "'01234567-89AB-CDEF-0123-456789ABCDEF'"),
                ("occurred_at", "recorded_at"),
                ("recorded_at", "occurred_at"),
                ("actor", "'nobody'"),
                ("action", "'source.deleted'"),
                ("subject", "'source:other'"),
                ("remote_ip", "NULL"),
                ("count", "2"),
                ("run_id", "''"),
                ("detail", "'{{}}'"),
                ("hash", "previous_hash"),
                ("previous_hash", "hash"),
            })
                cases.Add(dialect, $"a changed {column}", $"UPDATE audit_entries SET {column} = {value} WHERE audit_id = 7", 7);
            cases.Add(dialect, "a removed entry", "DELETE FROM audit_entries WHERE audit_id = 5", 5);
            cases.Add(dialect, "a removed first entry", "DELETE FROM audit_entries WHERE audit_id = 1", 1);
            cases.Add(dialect, "entries cut off at the end", "DELETE FROM audit_entries WHERE audit_id > 9", 10);
            cases.Add(dialect, "everything removed", "DELETE FROM audit_entries", 1);
            cases.Add(dialect, "an entry put in before the first", Copy(-3), -3);
            cases.Add(dialect, "an entry put in after the last", Copy(Entries + 1), Entries + 1);
            cases.Add(dialect, "an entry put in far after the last", Copy(100), 100);
            cases.Add(dialect, "two entries exchanged", "UPDATE audit_entries SET audit_id = -1 WHERE audit_id = 3; UPDATE audit_entries SET audit_id = 3 WHERE audit_id = 4; UPDATE audit_entries SET audit_id = 4 WHERE audit_id = -1", 3);
            cases.Add(dialect, "the head gone", "DELETE FROM audit_head", Entries + 1);
            cases.Add(dialect, "the head with another hash", "UPDATE audit_head SET hash = (SELECT hash FROM audit_entries WHERE audit_id = 3)", Entries);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Tampering))]
    public async Task Verify_names_the_first_bad_entry_after(DatabaseDialect dialect, string what, string sql, long firstBad)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendAsync(Entries);
        Assert.True((await audit.VerifyAsync()).Ok);
        await audit.DropGuardsAsync();

        Assert.True(await audit.ExecuteAsync(sql) > 0, what);

        var verification = await audit.VerifyAsync();
        Assert.False(verification.Ok);
        Assert.Equal(firstBad, verification.FirstBad);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_entry_that_was_rewritten_together_with_its_hash_is_named_by_what_follows_it(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendAsync(Entries);
        await audit.DropGuardsAsync();

        await RewriteAsync(audit, 6);
        Assert.Equal(6, (await audit.VerifyAsync()).FirstBad);
        await RewriteAsync(audit, 1);
        Assert.Equal(1, (await audit.VerifyAsync()).FirstBad);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_last_entry_that_was_rewritten_together_with_its_hash_is_named_by_the_head(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendAsync(Entries);
        await audit.DropGuardsAsync();

        await RewriteAsync(audit, Entries);

        Assert.Equal(Entries, (await audit.VerifyAsync()).FirstBad);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_empty_log_is_whole(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);

        var verification = await audit.VerifyAsync();

        Assert.True(verification.Ok);
        Assert.Equal((0, null, new string('0', 64)), (verification.Entries, verification.FirstBad, verification.Head));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_log_of_several_pages_verifies_while_entries_are_appended(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        using var log = new AuditLog(audit.Open());
        await Task.WhenAll(Enumerable.Range(1, (2 * Page) + 1).Select(i => log.AppendAsync(TestAudit.Entry(i), TestContext.Current.CancellationToken)));

        using var stop = new CancellationTokenSource();
        var appending = Task.Run(
            async () =>
            {
                for (var i = 0; !stop.IsCancellationRequested; i++)
                    await log.AppendAsync(TestAudit.Entry(i), CancellationToken.None);
            },
            TestContext.Current.CancellationToken);
        for (var i = 0; i < 5; i++)
            Assert.True((await audit.VerifyAsync(pageSize: Page)).Ok);
        await stop.CancelAsync();
        await appending;

        Assert.True((await audit.VerifyAsync(pageSize: Page)).Entries > 2 * Page);
    }

    private static string Copy(long auditId) =>
        $"""
        INSERT INTO audit_entries (audit_id, message_id, occurred_at, recorded_at, actor, action, subject, count, detail, previous_hash, hash)
        SELECT {auditId}, '01234567-89AB-CDEF-0123-456789ABCDEF', occurred_at, recorded_at, actor, action, subject, count, detail, previous_hash, hash FROM audit_entries WHERE audit_id = 2
        """;

    private static async Task RewriteAsync(TestAudit audit, long auditId)
    {
        await using var context = audit.Open().Read();
        var entry = await context.Entries.SingleAsync(e => e.AuditId == auditId, TestContext.Current.CancellationToken);
        entry.Actor = "nobody";
        entry.Hash = EntryHash.Compute(entry);
        await context.SaveChangesAsync(TestContext.Current.CancellationToken);
    }
}
