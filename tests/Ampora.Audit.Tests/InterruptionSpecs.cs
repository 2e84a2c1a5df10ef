using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Audit.Retention;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Tests;

public sealed class InterruptionSpecs(PostgresServer postgres)
{
    private static readonly TimeSpan Limit = TimeSpan.FromDays(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The connection is cut anywhere between and within statements, as when the process is killed: what was sent twice is recorded once.</summary>
    [Fact]
    public async Task Appending_and_retiring_that_are_cut_off_anywhere_leave_a_whole_log_with_every_message_once()
    {
        await using var audit = await TestAudit.CreateAsync(postgres, DatabaseDialect.Postgres);
        await audit.AppendOldAsync(400, days: 90);
        await using var link = new DatabaseLink(audit.Address.ConnectionString);
        await using var database = AuditDatabase.Open(audit.Address with { ConnectionString = link.ConnectionString }, TimeProvider.System);
        using var log = new AuditLog(database);
        var retirement = new EntryRetirement(database, new RetentionDatabase(database, IsOwn: false));
        var messages = Enumerable.Range(1, 120).Select(i => (Number: i, Id: Guid.NewGuid())).ToArray();
        using var done = new CancellationTokenSource();

        var cutting = Task.Run(
            async () =>
            {
                var random = new Random(7);
                while (!done.IsCancellationRequested)
                {
                    await Task.Delay(random.Next(5, 60), CancellationToken.None);
                    link.Cut();
                    await Task.Delay(random.Next(1, 10), CancellationToken.None);
                    link.Mend();
                }
            },
            Cancellation);
        var retiring = Task.Run(
            async () =>
            {
                for (var before = 20; before <= 400; before += 20)
                    await UntilDoneAsync(() => retirement.RetireAsync(Limit, before, Cancellation));
            },
            Cancellation);
        // As the outbox does: again until it is acknowledged.
        await Task.WhenAll(messages.Chunk(30).Select(async mine =>
        {
            foreach (var (number, id) in mine)
                await UntilDoneAsync(() => log.AppendAsync(TestAudit.Entry(number, id), Cancellation));
        }));
        await retiring;
        await done.CancelAsync();
        await cutting;

        var verification = await audit.VerifyAsync();
        Assert.Null(verification.FirstBad);
        Assert.True(verification.Ok);
        await using var context = audit.Open().Read();
        var recorded = await context.Entries.Where(e => e.RecordedAt > TimeProvider.System.GetUtcNow().AddDays(-1) && e.Action != Retirement.Action).Select(e => e.MessageId).ToListAsync(Cancellation);
        Assert.Equal(messages.Select(m => m.Id).Order(), recorded.Order());
        while (await audit.Retirement().RetireAsync(Limit, 400, Cancellation))
            Assert.True((await audit.VerifyAsync()).Ok);
        Assert.Equal((true, 399L), ((await audit.VerifyAsync()).Ok, (await audit.VerifyAsync()).RetiredThrough));
    }

    private static async Task UntilDoneAsync<T>(Func<Task<T>> work)
    {
        while (true)
        {
            try
            {
                await work();
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !Cancellation.IsCancellationRequested)
            {
                await Task.Delay(5, Cancellation);
            }
        }
    }
}
