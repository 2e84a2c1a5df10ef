using System.Collections.Concurrent;
using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.Extensions.Logging;

namespace Ampora.Audit.Tests;

public sealed class HeadReportSpecs
{
    [Fact]
    public async Task The_head_is_logged_once_an_hour_and_only_when_it_moved()
    {
        using var file = new SqliteFile();
        var clock = new ManualClock();
        var log = new Lines();
        await using var database = AuditDatabase.Open(new DatabaseAddress(DatabaseDialect.Sqlite, file.ConnectionString), clock);
        await database.MigrateAsync(TestContext.Current.CancellationToken);
        using var audit = new AuditLog(database);
        using var report = new HeadReport(database, log);
        await report.StartAsync(TestContext.Current.CancellationToken);

        await audit.AppendAsync(TestAudit.Entry(1), TestContext.Current.CancellationToken);
        await audit.AppendAsync(TestAudit.Entry(2), TestContext.Current.CancellationToken);
        clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Empty(log.All);
        clock.Advance(TimeSpan.FromMinutes(1));
        await log.CountAsync(1);
        for (var hour = 0; hour < 5; hour++)
            clock.Advance(TimeSpan.FromHours(1));
        await audit.AppendAsync(TestAudit.Entry(3), TestContext.Current.CancellationToken);
        for (var patience = 0; log.All.Count < 2 && patience < 500; patience++)
        {
            clock.Advance(TimeSpan.FromHours(1));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await report.StopAsync(TestContext.Current.CancellationToken);
        Assert.Collection(
            log.All,
            line => Assert.StartsWith("The audit log's head is entry 2 with hash ", line, StringComparison.Ordinal),
            line => Assert.StartsWith("The audit log's head is entry 3 with hash ", line, StringComparison.Ordinal));
    }

    private sealed class Lines : ILogger<HeadReport>
    {
        public ConcurrentQueue<string> All { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Enqueue(formatter(state, exception));

        public async Task CountAsync(int count)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            deadline.CancelAfter(TimeSpan.FromSeconds(30));
            while (All.Count < count)
                await Task.Delay(10, deadline.Token);
        }
    }
}
