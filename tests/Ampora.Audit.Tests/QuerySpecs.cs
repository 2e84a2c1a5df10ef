using Ampora.Audit.Chain;
using Ampora.Audit.Queries;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;

namespace Ampora.Audit.Tests;

public sealed class QuerySpecs(PostgresServer postgres)
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Pages_follow_each_other_in_both_orders_without_a_gap(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendAsync(25);

        Assert.Equal(Enumerable.Range(1, 25).Select(i => (long)i), await WalkAsync(audit, new QueryAudit { OldestFirst = true, Limit = 10 }));
        Assert.Equal(Enumerable.Range(1, 25).Reverse().Select(i => (long)i), await WalkAsync(audit, new QueryAudit { Limit = 5 }));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Filters_hold_together(DatabaseDialect dialect)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendAsync(30);
        using (var log = new AuditLog(audit.Open()))
        {
            foreach (var action in (string[])["source", "source.", "sources.changed", "source/x", "Source.changed"])
                await log.AppendAsync(TestAudit.Entry(1) with { MessageId = Guid.NewGuid(), Action = action, Actor = "user:ada", OccurredAt = Start }, TestContext.Current.CancellationToken);
        }

        async Task ExpectAsync(QueryAudit query, Func<int, bool> expected) => Assert.Equal(
            Enumerable.Range(1, 30).Where(expected).Select(i => (long)i), await WalkAsync(audit, query with { OldestFirst = true, Limit = 200 }));

        await ExpectAsync(new() { Action = "source.*" }, _ => true);
        await ExpectAsync(new() { Action = "source.created" }, i => i % 2 == 0);
        await ExpectAsync(new() { Actor = "token:actor-1" }, i => i % 3 == 1);
        await ExpectAsync(new() { Subject = "source:s2", Actor = "token:actor-0" }, i => i % 5 == 2 && i % 3 == 0);
        await ExpectAsync(new() { Subjects = ["source:s2", "source:s4", "source:absent"], Actor = "token:actor-0" }, i => i % 5 is 2 or 4 && i % 3 == 0);
        await ExpectAsync(new() { Subjects = [] }, _ => false);
        await ExpectAsync(new() { From = Start.AddMinutes(7), To = Start.AddMinutes(20).ToOffset(TimeSpan.FromHours(5)) }, i => i is >= 7 and < 20);
        await ExpectAsync(new() { Actor = "token:actor-1' OR 1=1 --" }, _ => false);
        Assert.Equal([31], await WalkAsync(audit, new() { Action = "source" }));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-5, 1)]
    [InlineData(100_000, AuditReader.MaxLimit)]
    public async Task A_limit_out_of_range_is_brought_into_it(int limit, int items)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, DatabaseDialect.Sqlite);
        using var log = new AuditLog(audit.Open());
        await Task.WhenAll(Enumerable.Range(1, AuditReader.MaxLimit + 5).Select(i => log.AppendAsync(TestAudit.Entry(i), TestContext.Current.CancellationToken)));

        var page = await new AuditReader(audit.Open()).ReadAsync(new QueryAudit { Limit = limit }, TestContext.Current.CancellationToken);

        Assert.Equal(items, page.Items.Count);
        Assert.True(page.More);
    }

    [Fact]
    public async Task A_page_of_huge_entries_ends_early_and_goes_on()
    {
        await using var audit = await TestAudit.CreateAsync(postgres, DatabaseDialect.Sqlite);
        using var log = new AuditLog(audit.Open());
        foreach (var i in Enumerable.Range(1, 7))
            await log.AppendAsync(TestAudit.Entry(i) with { Detail = $$"""{"x":"{{new string('x', 400_000)}}"}""" }, TestContext.Current.CancellationToken);

        var page = await new AuditReader(audit.Open()).ReadAsync(new QueryAudit { OldestFirst = true }, TestContext.Current.CancellationToken);

        Assert.Equal(2, page.Items.Count);
        Assert.True(page.More);
        Assert.Equal(7, (await WalkAsync(audit, new QueryAudit())).Count);
    }

    private static async Task<List<long>> WalkAsync(TestAudit audit, QueryAudit query)
    {
        var reader = new AuditReader(audit.Open());
        var ids = new List<long>();
        while (true)
        {
            var page = await reader.ReadAsync(query, TestContext.Current.CancellationToken);
            ids.AddRange(page.Items.Select(e => e.AuditId));
            if (!page.More)
                return ids;
            query = query with { After = page.Items[^1].AuditId };
        }
    }
}
