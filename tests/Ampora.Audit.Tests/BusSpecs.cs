using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;

namespace Ampora.Audit.Tests;

public sealed class BusSpecs(PostgresServer postgres)
{
    public static TheoryData<DatabaseDialect, bool> Deployments() => new()
    {
        { DatabaseDialect.Sqlite, false },
        { DatabaseDialect.Postgres, true },
    };

    [Theory]
    [MemberData(nameof(Deployments))]
    public async Task A_run_is_recorded_once_and_every_duplicate_acknowledged_again(DatabaseDialect dialect, bool rabbit)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect, migrated: false);
        await using var process = await AuditProcess.StartAsync(audit.Address, await BrokerAsync(rabbit));
        var run = SampleRuns.Succeeded();
        var id = Guid.NewGuid();

        await process.PublishAsync(run, id);
        await process.AcknowledgedAsync(1);
        await process.PublishAsync(run, id);
        await process.PublishAsync(run, id);

        var acknowledged = await process.AcknowledgedAsync(3);
        Assert.All(acknowledged, a => Assert.Equal(new AuditEntryCommitted { RecordedMessageId = id, AuditId = 1, RunId = run.RunId }, a));
        var page = await process.AskAsync<QueryAudit, AuditPage>(new QueryAudit { Action = "run.*", Subject = "source:fleet" });
        var entry = Assert.Single(page.Items);
        Assert.Equal((1, run.RunId, "run.succeeded"), (entry.AuditId, entry.RunId, entry.Action));
        Assert.False(page.More);
        var verification = await process.AskAsync<VerifyAudit, AuditVerification>(new VerifyAudit());
        Assert.Equal(new AuditVerification { Ok = true, Entries = 1, FirstBad = null, Head = entry.Hash }, verification);
    }

    [Fact]
    public async Task Two_replicas_on_one_queue_keep_one_chain_while_every_message_comes_three_times()
    {
        await using var audit = await TestAudit.CreateAsync(postgres, DatabaseDialect.Postgres, migrated: false);
        var broker = await BrokerAsync(true);
        var replicas = await Task.WhenAll(AuditProcess.StartAsync(audit.Address, broker), AuditProcess.StartAsync(audit.Address, broker, collects: false));
        await using var first = replicas[0];
        await using var second = replicas[1];
        var ids = Enumerable.Range(0, 200).Select(_ => Guid.NewGuid()).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 3).SelectMany(_ => ids).Select((id, i) => (i % 2 == 0 ? first : second).PublishAsync(
            new AuditRecorded { OccurredAt = DateTimeOffset.UnixEpoch, Actor = "system", Action = "test.done", Subject = "test:bus" }, id)));

        var acknowledged = await first.AcknowledgedAsync(600);
        Assert.Equal(ids.Order(), acknowledged.Select(a => a.RecordedMessageId).Distinct().Order());
        Assert.Equal(Enumerable.Range(1, 200).Select(i => (long)i), acknowledged.Select(a => a.AuditId).Distinct().Order());
        var verification = await second.AskAsync<VerifyAudit, AuditVerification>(new VerifyAudit());
        Assert.True(verification.Ok);
        Assert.Equal(200, verification.Entries);
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public async Task A_message_that_could_not_be_recorded_is_not_acknowledged_and_is_recorded_when_it_is_sent_again(DatabaseDialect dialect, bool rabbit)
    {
        await using var audit = await TestAudit.CreateAsync(postgres, dialect, migrated: false);
        await using var process = await AuditProcess.StartAsync(audit.Address, await BrokerAsync(rabbit));
        var (refused, recorded) = (Guid.NewGuid(), Guid.NewGuid());
        await audit.ExecuteAsync("ALTER TABLE audit_entries RENAME TO audit_entries_away");
        await process.PublishAsync(SampleRuns.Failed(), refused);
        await process.FaultedAsync(1);
        await audit.ExecuteAsync("ALTER TABLE audit_entries_away RENAME TO audit_entries");

        await process.PublishAsync(SampleRuns.Succeeded(), recorded);
        Assert.Equal(recorded, Assert.Single(await process.AcknowledgedAsync(1)).RecordedMessageId);
        await process.PublishAsync(SampleRuns.Failed(), refused);

        Assert.Equal([recorded, refused], (await process.AcknowledgedAsync(2)).Select(a => a.RecordedMessageId));
    }

    [Fact]
    public async Task A_message_without_an_id_is_refused()
    {
        await using var audit = await TestAudit.CreateAsync(postgres, DatabaseDialect.Sqlite, migrated: false);
        await using var process = await AuditProcess.StartAsync(audit.Address, broker: null);

        await process.PublishWithoutIdAsync(SampleRuns.Failed());
        await process.FaultedAsync(1);
        await process.PublishAsync(SampleRuns.Succeeded(), Guid.NewGuid());
        await process.AcknowledgedAsync(1);

        Assert.Equal("run.succeeded", Assert.Single((await process.AskAsync<QueryAudit, AuditPage>(new QueryAudit())).Items).Action);
    }

    private static async Task<string?> BrokerAsync(bool rabbit) => rabbit
        ? await (await RabbitMqServer.SharedAsync(TestContext.Current.CancellationToken)).CreateVirtualHostAsync(TestContext.Current.CancellationToken)
        : null;
}
