using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Audit.Retention;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Tests;

public sealed class RetentionSpecs(PostgresServer postgres)
{
    private static readonly TimeSpan Limit = TimeSpan.FromDays(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_is_older_than_the_limit_goes_and_the_chain_stays_whole(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(7, days: 90);
        await audit.AppendOldAsync(5, days: 59);
        await audit.AppendAsync(3);
        var hash = await HashOfAsync(audit, 7);

        Assert.True(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));
        Assert.False(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));

        var verification = await audit.VerifyAsync();
        Assert.Equal((true, 9L, 7L), (verification.Ok, verification.Entries, verification.RetiredThrough));
        await using var context = audit.Open().Read();
        Assert.Equal(Enumerable.Range(8, 9).Select(i => (long)i), await context.Entries.OrderBy(e => e.AuditId).Select(e => e.AuditId).ToListAsync(Cancellation));
        var declaration = await context.Entries.SingleAsync(e => e.AuditId == 16, Cancellation);
        Assert.Equal(("audit.retired", "system", "audit"), (declaration.Action, declaration.Actor, declaration.Subject));
        var retired = Retirement.TryRead(declaration.Detail)!;
        Assert.Equal((7L, hash, 7L), (retired.Through, retired.Hash, retired.Count));
        Assert.InRange(TimeProvider.System.GetUtcNow() - retired.Newest, TimeSpan.FromDays(89), TimeSpan.FromDays(91));
        Assert.True(retired.Oldest < retired.Newest);

        // It goes on as any log does.
        await audit.AppendAsync(2);
        Assert.Equal(11, (await audit.VerifyAsync()).Entries);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_long_log_goes_in_batches_that_are_declared_each_and_old_declarations_go_too(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync((2 * EntryRetirement.MaxBatch) + 10, days: 90);

        for (var batch = 0; batch < 3; batch++)
        {
            Assert.True(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));
            Assert.True((await audit.VerifyAsync()).Ok);
        }

        Assert.False(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));
        var verification = await audit.VerifyAsync();
        Assert.Equal((true, 3L), (verification.Ok, verification.Entries));
        // Nothing but declarations is left; what was declared with a shorter limit than theirs they stay.
        Assert.False(await audit.Retirement().RetireAsync(TimeSpan.FromDays(30), long.MaxValue, Cancellation));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task The_exported_head_and_what_follows_it_stay(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(7, days: 90);

        Assert.True(await audit.Retirement().RetireAsync(Limit, before: 5, Cancellation));

        Assert.Equal(4, (await audit.VerifyAsync()).RetiredThrough);
        Assert.False(await audit.Retirement().RetireAsync(Limit, before: 5, Cancellation));
        Assert.False(await audit.Retirement().RetireAsync(Limit, before: 0, Cancellation));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task An_old_time_behind_a_younger_one_keeps_its_place(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(2, days: 90);
        await audit.AppendOldAsync(1, days: 10);
        await audit.AppendOldAsync(4, days: 90);

        Assert.True(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));

        Assert.Equal(2, (await audit.VerifyAsync()).RetiredThrough);
        Assert.False(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_was_declared_before_a_crash_is_finished_by_the_next_turn_with_the_same_declaration(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(7, days: 90);
        await DeclareOnlyAsync(audit);
        Assert.Equal((true, 8L, 0L), Of(await audit.VerifyAsync()));
        await audit.AppendAsync(2);

        // A longer limit than it was declared under.
        Assert.False(await audit.Retirement().RetireAsync(TimeSpan.FromDays(365), long.MaxValue, Cancellation));
        Assert.Equal((true, 10L, 0L), Of(await audit.VerifyAsync()));
        Assert.True(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));

        Assert.Equal((true, 3L, 7L), Of(await audit.VerifyAsync()));
        Assert.False(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_declaration_that_somebody_made_up_is_not_acted_on_and_not_in_the_way(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(7, days: 90);
        using var log = new AuditLog(audit.Open());
        var made = new Retirement { Through = 6, Hash = new string('0', 64), Count = 6, Oldest = DateTimeOffset.UnixEpoch, Newest = DateTimeOffset.UnixEpoch };
        await log.AppendAsync(made.ToEntry(DateTimeOffset.UnixEpoch), Cancellation);
        await log.AppendAsync(made.ToEntry(DateTimeOffset.UnixEpoch) with { Detail = "{}" }, Cancellation);

        Assert.True(await audit.Retirement().RetireAsync(Limit, long.MaxValue, Cancellation));

        Assert.Equal((true, 3L, 7L), Of(await audit.VerifyAsync()));
    }

    [Fact]
    public void A_message_that_declares_entries_retired_is_not_taken_from_the_bus()
    {
        var message = new AuditRecorded { OccurredAt = DateTimeOffset.UnixEpoch, Actor = "system", Action = "audit.retired", Subject = "audit" };

        Assert.Throws<InvalidOperationException>(() => NewEntry.From(Guid.NewGuid(), message));
    }

    [Fact]
    public void That_the_log_was_restored_is_taken_from_the_bus_although_it_is_about_the_log()
    {
        var message = new AuditRecorded { OccurredAt = DateTimeOffset.UnixEpoch, Actor = "system", Action = "audit.restored", Subject = "audit" };

        Assert.Equal("audit.restored", NewEntry.From(Guid.NewGuid(), message).Action);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Two_replicas_retire_while_others_append_and_verify(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(200, days: 90);
        using var log = new AuditLog(audit.Open());
        using var stop = new CancellationTokenSource();
        var appending = Task.Run(
            async () =>
            {
                for (var i = 0; !stop.IsCancellationRequested; i++)
                    await log.AppendAsync(TestAudit.Entry(i), CancellationToken.None);
            },
            Cancellation);
        var verifying = Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                    Assert.True((await audit.VerifyAsync(pageSize: 20)).Ok);
            },
            Cancellation);

        // SQLite has one writer in a process: two retirements of one database.
        var one = audit.Open();
        var replicas = dialect == DatabaseDialect.Sqlite
            ? [new EntryRetirement(one, new RetentionDatabase(one, false)), new EntryRetirement(one, new RetentionDatabase(one, false))]
            : new[] { audit.Retirement(), audit.Retirement() };
        await Task.WhenAll(replicas.Select(async replica =>
        {
            for (var before = 10; before <= 210; before += 10)
                await replica.RetireAsync(Limit, before, Cancellation);
        }));
        await stop.CancelAsync();
        await Task.WhenAll(appending, verifying);

        var verification = await audit.VerifyAsync();
        Assert.True(verification.Ok);
        Assert.Equal(200, verification.RetiredThrough);
        await using var context = audit.Open().Read();
        var declared = (await context.Entries.Where(e => e.Action == Retirement.Action).OrderBy(e => e.AuditId).Select(e => e.Detail).ToListAsync(Cancellation)).Select(d => Retirement.TryRead(d)!.Through).ToList();
        Assert.Equal(declared.Distinct().Order(), declared);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(29)]
    [InlineData(36_501)]
    public void A_limit_that_the_database_would_refuse_is_a_bad_setting(int days) =>
        Assert.NotEmpty(new AuditRetentionSettings { AuditDays = days }.Validate(new System.ComponentModel.DataAnnotations.ValidationContext(this)));

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    [InlineData(36_500)]
    public void A_limit_within_the_range_is_not(int days) =>
        Assert.Empty(new AuditRetentionSettings { AuditDays = days }.Validate(new System.ComponentModel.DataAnnotations.ValidationContext(this)));

    private static (bool Ok, long Entries, long RetiredThrough) Of(AuditVerification v) => (v.Ok, v.Entries, v.RetiredThrough);

    private static async Task<string> HashOfAsync(TestAudit audit, long id)
    {
        await using var context = audit.Open().Read();
        return Convert.ToHexStringLower((await context.Entries.SingleAsync(e => e.AuditId == id, Cancellation)).Hash);
    }

    /// <summary>A turn that ends between its two commits: retention's database is gone.</summary>
    private static async Task DeclareOnlyAsync(TestAudit audit)
    {
        var gone = audit.Address.Dialect == DatabaseDialect.Sqlite ? "Data Source=/nowhere/at/all.db" : "Host=127.0.0.1;Port=1;Username=x;Database=x";
        await using var absent = AuditDatabase.Open(audit.Address with { ConnectionString = gone }, TimeProvider.System);
        await Assert.ThrowsAnyAsync<Exception>(() => new EntryRetirement(audit.Open(), new RetentionDatabase(absent, true)).RetireAsync(Limit, long.MaxValue, Cancellation));
    }
}
