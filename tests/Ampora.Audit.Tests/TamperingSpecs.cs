using Ampora.Audit.Heads;
using Ampora.Audit.Model;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Tests;

public sealed class TamperingSpecs(PostgresServer postgres)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres, false)]
    [InlineData(DatabaseDialect.Postgres, true)]
    [InlineData(DatabaseDialect.Sqlite, false)]
    [InlineData(DatabaseDialect.Sqlite, true)]
    public Task Verify_names_the_first_bad_entry_after_any_tampering(DatabaseDialect dialect, bool retired) => TamperAsync(dialect, retired, seeds: 60);

    [Theory(Explicit = true)]
    [InlineData(DatabaseDialect.Postgres, false)]
    [InlineData(DatabaseDialect.Postgres, true)]
    [InlineData(DatabaseDialect.Sqlite, false)]
    [InlineData(DatabaseDialect.Sqlite, true)]
    public Task Verify_names_the_first_bad_entry_after_thousands_of_tamperings(DatabaseDialect dialect, bool retired) => TamperAsync(dialect, retired, seeds: 2500);

    private async Task TamperAsync(DatabaseDialect dialect, bool retired, int seeds)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect);
        await audit.AppendOldAsync(6, days: 90);
        await audit.AppendAsync(1);
        var hashes = await HashesAsync(audit);
        if (retired)
            Assert.True(await audit.Retirement().RetireAsync(TimeSpan.FromDays(60), long.MaxValue, Cancellation));
        await audit.AppendAsync(8);
        foreach (var (id, hash) in await HashesAsync(audit))
            hashes[id] = hash;
        await audit.DropGuardsAsync();
        var database = audit.Open();
        await using var reading = database.Read();
        var original = await reading.Entries.AsNoTracking().OrderBy(e => e.AuditId).ToListAsync(Cancellation);
        var head = await reading.Heads.AsNoTracking().SingleAsync(Cancellation);
        var anchor = await reading.Anchors.AsNoTracking().SingleAsync(Cancellation);
        Assert.Equal(retired ? 6 : 0, anchor.LastId);
        using var folder = new SqliteFile();

        for (var seed = 1; seed <= seeds; seed++)
        {
            var random = new Random(seed);
            var tampering = new Tampering(random, original, head, anchor, hashes);
            tampering.Apply(exported: random.Next(2) == 0);
            await ReplaceAsync(database, tampering);
            HeadFile? exported = null;
            if (tampering.Exported.Count > 0)
            {
                exported = new HeadFile($"{folder.Path}.{seed}");
                await File.WriteAllLinesAsync(exported.Path, tampering.Exported.Select(e => $"2026-01-01T00:00:00Z {e.AuditId} {Convert.ToHexStringLower(e.Hash)}"), Cancellation);
            }

            var verification = await audit.VerifyAsync(exported, pageSize: random.GetItems([1, 2, 3, 7, 5000], 1)[0]);

            Assert.True(
                tampering.FirstBad == verification.FirstBad && verification.Ok == verification.FirstBad is null,
                $"Seed {seed}, {tampering.What}: the first bad entry is {tampering.FirstBad}, and {verification.FirstBad} was named (exported: {string.Join(',', tampering.Exported.Select(e => e.AuditId))})");
        }
    }

    private static async Task<Dictionary<long, byte[]>> HashesAsync(TestAudit audit)
    {
        await using var context = audit.Open().Read();
        return await context.Entries.ToDictionaryAsync(e => e.AuditId, e => e.Hash, Cancellation);
    }

    private static Task ReplaceAsync(Database<AuditContext> database, Tampering tampering) => database.WriteAsync(
        async (context, token) =>
        {
            await context.Entries.ExecuteDeleteAsync(token);
            await context.Heads.ExecuteDeleteAsync(token);
            await context.Anchors.ExecuteDeleteAsync(token);
            context.Entries.AddRange(tampering.Rows);
            if (tampering.Head is not null)
                context.Heads.Add(tampering.Head);
            if (tampering.Anchor is not null)
                context.Anchors.Add(tampering.Anchor);
            await context.SaveChangesAsync(token);
        },
        Cancellation);
}
