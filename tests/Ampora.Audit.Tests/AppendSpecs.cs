using Ampora.Audit.Chain;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Tests;

public sealed class AppendSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Two_replicas_append_hundreds_of_entries_without_a_gap_or_a_branch_and_each_message_once(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        using var first = new AuditLog(audit.Open());
        using var second = new AuditLog(audit.Open());
        var messages = Enumerable.Range(1, 300).Select(i => (Number: i, Id: Guid.NewGuid())).ToArray();

        // Every message reaches both replicas, and one of them twice.
        var appends = await Task.WhenAll(messages.SelectMany(m => new[] { first, second, first }.Select(async log =>
        {
            await Task.Yield();
            return (m.Id, Receipt: await log.AppendAsync(TestAudit.Entry(m.Number, m.Id), Cancellation));
        })));

        await using var context = audit.Open().Read();
        var entries = await context.Entries.OrderBy(e => e.AuditId).ToListAsync(Cancellation);
        Assert.Equal(Enumerable.Range(1, 300).Select(i => (long)i), entries.Select(e => e.AuditId));
        Assert.Equal(messages.Select(m => m.Id).Order(), entries.Select(e => e.MessageId).Order());
        Assert.All(appends.GroupBy(a => a.Id), same => Assert.Single(same.Select(a => a.Receipt).Distinct()));
        Assert.All(appends, a => Assert.Equal(a.Id, entries[(int)a.Receipt.AuditId - 1].MessageId));
        var verification = await audit.VerifyAsync();
        Assert.True(verification.Ok);
        Assert.Equal(300, verification.Entries);
        Assert.Equal(Convert.ToHexStringLower(entries[^1].Hash), verification.Head);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_message_that_comes_again_much_later_gets_its_first_place(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        using var log = new AuditLog(audit.Open());
        var run = SampleRuns.Succeeded();
        var id = Guid.NewGuid();
        var first = await log.AppendAsync(NewEntry.From(id, run), Cancellation);
        await audit.AppendAsync(3);

        using var restarted = new AuditLog(audit.Open());
        var again = await restarted.AppendAsync(NewEntry.From(id, run), Cancellation);

        Assert.Equal(first, again);
        Assert.Equal(run.RunId, again.RunId);
        Assert.Equal(4, (await audit.VerifyAsync()).Entries);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Text_that_a_database_cannot_hold_is_recorded_all_the_same(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        using var log = new AuditLog(audit.Open());
        const string odd = "a\0b\ud800c\r\n\u001b[31m'; DROP TABLE audit_entries; --";
        var entry = NewEntry.From(
            Guid.NewGuid(),
            new AuditRecorded
            {
                OccurredAt = new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.FromHours(2)).AddTicks(7),
                Actor = odd,
                Action = odd,
                Subject = odd,
                RemoteIp = odd,
                Count = long.MaxValue,
                Detail = new Dictionary<string, string> { [odd] = odd },
            });

        var receipt = await log.AppendAsync(entry, Cancellation);

        await using var context = audit.Open().Read();
        var row = await context.Entries.SingleAsync(Cancellation);
        Assert.Equal(1, receipt.AuditId);
        Assert.Equal("a\ufffdb\ufffdc\r\n\u001b[31m'; DROP TABLE audit_entries; --", row.Actor);
        Assert.Equal(new DateTimeOffset(2026, 5, 4, 1, 2, 1, TimeSpan.Zero), row.OccurredAt);
        Assert.True((await audit.VerifyAsync()).Ok);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_entry_that_the_database_refuses_takes_no_other_with_it(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.ExecuteAsync(dialect == DatabaseDialect.Postgres
            ? "ALTER TABLE audit_entries ADD CONSTRAINT no_thirteen CHECK (subject <> 'source:refused')"
            : "CREATE TRIGGER no_thirteen BEFORE INSERT ON audit_entries WHEN NEW.subject = 'source:refused' BEGIN SELECT RAISE(ABORT, 'refused'); END");
        using var log = new AuditLog(audit.Open());

        var appends = Enumerable.Range(1, 40).Select(i => log.AppendAsync(
            i == 13 ? TestAudit.Entry(i) with { Subject = "source:refused" } : TestAudit.Entry(i), Cancellation)).ToArray();

        foreach (var (append, number) in appends.Select((append, i) => (append, i + 1)))
        {
            if (number == 13)
                await Assert.ThrowsAnyAsync<Exception>(() => append);
            else
                await append;
        }

        var verification = await audit.VerifyAsync();
        Assert.True(verification.Ok);
        Assert.Equal(39, verification.Entries);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_database_refuses_to_rewrite_the_record(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendAsync(3);
        List<string> attempts =
        [
            "UPDATE audit_entries SET actor = 'nobody' WHERE audit_id = 2",
            "DELETE FROM audit_entries WHERE audit_id = 3",
            "DELETE FROM audit_entries",
            Insert(auditId: 5, previous: "(SELECT hash FROM audit_entries WHERE audit_id = 3)"),
            Insert(auditId: 0, previous: "(SELECT hash FROM audit_entries WHERE audit_id = 3)"),
            Insert(auditId: 4, previous: "(SELECT hash FROM audit_entries WHERE audit_id = 2)"),
            "UPDATE audit_head SET last_id = 2, hash = (SELECT hash FROM audit_entries WHERE audit_id = 2)",
            "UPDATE audit_head SET hash = (SELECT hash FROM audit_entries WHERE audit_id = 2)",
            "UPDATE audit_head SET last_id = 4",
            "DELETE FROM audit_head",
            "INSERT INTO audit_head (id, last_id, hash) SELECT 2, last_id, hash FROM audit_head",
        ];
        attempts.AddRange(dialect == DatabaseDialect.Postgres
            ? ["TRUNCATE audit_entries", "TRUNCATE audit_head"]
            : ["INSERT OR REPLACE INTO audit_entries SELECT 4, message_id, occurred_at, recorded_at, 'nobody', action, subject, remote_ip, count, run_id, detail, hash, hash FROM audit_entries WHERE audit_id = 3",
                "INSERT OR REPLACE INTO audit_entries SELECT 3, message_id, occurred_at, recorded_at, 'nobody', action, subject, remote_ip, count, run_id, detail, hash, hash FROM audit_entries WHERE audit_id = 2",
                "INSERT OR REPLACE INTO audit_head (id, last_id, hash) VALUES (1, 0, zeroblob(32))"]);

        foreach (var attempt in attempts)
            await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => audit.ExecuteAsync(attempt));

        var verification = await audit.VerifyAsync();
        Assert.True(verification.Ok);
        Assert.Equal(3, verification.Entries);
    }

    private static string Insert(long auditId, string previous) =>
        $"""
        INSERT INTO audit_entries (audit_id, message_id, occurred_at, recorded_at, actor, action, subject, count, detail, previous_hash, hash)
        SELECT {auditId}, '{Guid.NewGuid()}', occurred_at, recorded_at, actor, action, subject, count, detail, {previous}, hash FROM audit_entries WHERE audit_id = 1
        """;
}
