using System.Collections.Concurrent;
using Ampora.Audit.Chain;
using Ampora.Audit.Heads;
using Ampora.Audit.Model;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Ampora.Audit.Tests;

public sealed class HeadExportSpecs
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_head_is_logged_at_the_start_at_each_interval_and_at_the_end_and_only_when_it_moved()
    {
        using var file = new SqliteFile();
        var clock = new ManualClock();
        var log = new Lines();
        await using var database = AuditDatabase.Open(new DatabaseAddress(DatabaseDialect.Sqlite, file.ConnectionString), clock);
        await database.MigrateAsync(Cancellation);
        using var audit = new AuditLog(database);
        await audit.AppendAsync(TestAudit.Entry(1), Cancellation);
        using var export = Export(database, log, null);
        await export.StartAsync(Cancellation);
        await log.CountAsync(1);

        await audit.AppendAsync(TestAudit.Entry(2), Cancellation);
        clock.Advance(TimeSpan.FromMinutes(9));
        Assert.Single(log.All);
        clock.Advance(TimeSpan.FromMinutes(1));
        await log.CountAsync(2);
        for (var interval = 0; interval < 5; interval++)
            clock.Advance(TimeSpan.FromMinutes(10));
        await export.StopAsync(Cancellation);
        // What a consumer still recorded while it stopped.
        await audit.AppendAsync(TestAudit.Entry(3), Cancellation);
        await ((Microsoft.Extensions.Hosting.IHostedLifecycleService)export).StoppedAsync(Cancellation);

        Assert.Collection(
            log.All,
            line => Assert.StartsWith("The audit log's head is entry 1 with hash ", line, StringComparison.Ordinal),
            line => Assert.StartsWith("The audit log's head is entry 2 with hash ", line, StringComparison.Ordinal),
            line => Assert.StartsWith("The audit log's head is entry 3 with hash ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_file_takes_a_line_for_each_head_that_moved_whoever_exported_it()
    {
        using var file = new SqliteFile();
        var path = file.Path + ".heads";
        var clock = new ManualClock();
        await using var database = AuditDatabase.Open(new DatabaseAddress(DatabaseDialect.Sqlite, file.ConnectionString), clock);
        await database.MigrateAsync(Cancellation);
        using var audit = new AuditLog(database);
        using var first = Export(database, new Lines(), path);
        using var second = Export(database, new Lines(), path);

        Assert.Equal(0, await first.ExportAsync(Cancellation));
        var hashes = new List<string>();
        for (var i = 1; i <= 20; i++)
        {
            await audit.AppendAsync(TestAudit.Entry(i), Cancellation);
            Assert.All(await Task.WhenAll(first.ExportAsync(Cancellation), second.ExportAsync(Cancellation)), id => Assert.Equal(i, id));
            await using var context = database.Read();
            hashes.Add(Convert.ToHexStringLower(context.Heads.Single().Hash));
        }

        Assert.Equal(hashes.Select((hash, i) => $"2026-01-01T00:00:00Z {i + 1} {hash}"), await File.ReadAllLinesAsync(path, Cancellation));
        var verification = await new ChainVerifier(database, first.File, new TestAudit.Silent<ChainVerifier>()).VerifyAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal((true, 20L), (verification.Ok, verification.ExportedHeads));
    }

    [Fact]
    public async Task A_line_that_a_crash_tore_is_ended_and_not_compared()
    {
        using var file = new SqliteFile();
        var heads = new HeadFile(file.Path + ".heads");
        var (one, two) = (new ExportedHead(1, new byte[32]), new ExportedHead(2, [.. Enumerable.Repeat((byte)7, 32)]));
        await heads.AppendAsync(DateTimeOffset.UnixEpoch, one, Cancellation);
        await File.AppendAllTextAsync(heads.Path, "2026-01-01T00:00:00Z 2 0707", Cancellation);

        await heads.AppendAsync(DateTimeOffset.UnixEpoch, two, Cancellation);
        await heads.AppendAsync(DateTimeOffset.UnixEpoch, two, Cancellation);

        var (read, unreadable) = await heads.ReadAsync(Cancellation);
        Assert.Equal(1, unreadable);
        Assert.Equal([1, 2], read.Select(h => h.AuditId));
        Assert.Equal(two.Hash, read[1].Hash);
    }

    [Fact]
    public async Task A_file_that_is_full_takes_no_more_and_says_what_to_do()
    {
        using var file = new SqliteFile();
        var heads = new HeadFile(file.Path + ".heads");
        await using (var full = File.Create(heads.Path))
            full.SetLength(16 * 1024 * 1024);

        var error = await Assert.ThrowsAsync<IOException>(() => heads.AppendAsync(DateTimeOffset.UnixEpoch, new ExportedHead(1, new byte[32]), Cancellation));

        Assert.Contains("move it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_told_at_the_start()
    {
        using var file = new SqliteFile();
        var folder = Path.GetDirectoryName(file.Path)!;

        Assert.NotNull(new HeadFile(Path.Combine(folder, "absent", "heads")).Check());
        Assert.NotNull(new HeadFile(folder).Check());
        Assert.Null(new HeadFile(Path.Combine(folder, "heads")).Check());
    }

    private static HeadExport Export(Database<AuditContext> database, ILogger<HeadExport> log, string? path) =>
        new(database, Options.Create(new HeadSettings { HeadFile = path, HeadInterval = TimeSpan.FromMinutes(10) }), log);

    private sealed class Lines : ILogger<HeadExport>
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
