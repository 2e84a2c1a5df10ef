using Ampora.Audit.Chain;
using Ampora.Audit.Heads;
using Ampora.Audit.Model;
using Ampora.Audit.Retention;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace Ampora.Audit.Tests;

/// <summary>One audit database of a test on either dialect, and any number of replicas that open it.</summary>
internal sealed class TestAudit : IAsyncDisposable
{
    private readonly List<Database<AuditContext>> _replicas = [];
    private readonly SqliteFile? _file;
    private Database<AuditContext>? _verifying;

    private TestAudit(DatabaseAddress address, SqliteFile? file)
    {
        Address = address;
        _file = file;
    }

    public DatabaseAddress Address { get; }

    public static async Task<TestAudit> CreateAsync(PostgresServer postgres, DatabaseDialect dialect, bool migrated = true)
    {
        var file = dialect == DatabaseDialect.Sqlite ? new SqliteFile() : null;
        var connection = file?.ConnectionString ?? await postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken);
        var audit = new TestAudit(new DatabaseAddress(dialect, connection), file);
        if (migrated)
            await audit.Open().MigrateAsync(TestContext.Current.CancellationToken);
        return audit;
    }

    /// <summary>Opens the database once more, as another process would.</summary>
    public Database<AuditContext> Open()
    {
        var database = AuditDatabase.Open(Address, TimeProvider.System);
        _replicas.Add(database);
        return database;
    }

    /// <summary>Takes the guards away, as somebody with the owner's password could.</summary>
    public async Task DropGuardsAsync()
    {
        await using var context = Open().Read();
        var triggers = await context.Database.SqlQueryRaw<string>(Address.Dialect == DatabaseDialect.Sqlite
            ? """SELECT name AS "Value" FROM sqlite_schema WHERE type = 'trigger'"""
            : """SELECT tgname || ' ON ' || tgrelid::regclass AS "Value" FROM pg_trigger WHERE NOT tgisinternal""").ToListAsync(TestContext.Current.CancellationToken);
        Assert.True(triggers.Count >= 10);
        foreach (var trigger in triggers)
            await ExecuteAsync($"DROP TRIGGER {trigger}");
    }

    public async Task<int> ExecuteAsync(string sql)
    {
        await using var context = Open().Read();
        return await context.Database.ExecuteSqlRawAsync(sql, TestContext.Current.CancellationToken);
    }

    public async Task AppendAsync(int entries)
    {
        using var log = new AuditLog(Open());
        foreach (var i in Enumerable.Range(1, entries))
            await log.AppendAsync(Entry(i), TestContext.Current.CancellationToken);
    }

    public Task<AuditVerification> VerifyAsync(HeadFile? heads = null, int pageSize = ChainVerifier.PageSize) =>
        new ChainVerifier(_verifying ??= Open(), heads, new Silent<ChainVerifier>()).VerifyAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken, pageSize);

    /// <summary>Appends entries as if they had been recorded so many days ago, which the guards allow.</summary>
    public async Task AppendOldAsync(int entries, double days)
    {
        var recorded = TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(days);
        await Open().WriteAsync(
            async (context, token) =>
            {
                var head = await context.Heads.AsNoTracking().SingleAsync(token);
                foreach (var i in Enumerable.Range(1, entries))
                {
                    var entry = Entry(i);
                    var time = new DateTimeOffset(recorded.UtcTicks - (recorded.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero).AddMilliseconds(i);
                    var row = new AuditEntryRow
                    {
                        AuditId = head.LastId + 1,
                        MessageId = entry.MessageId,
                        OccurredAt = time,
                        RecordedAt = time,
                        Actor = entry.Actor,
                        Action = entry.Action,
                        Subject = entry.Subject,
                        RemoteIp = entry.RemoteIp,
                        Count = 1,
                        Detail = entry.Detail,
                        PreviousHash = head.Hash,
                    };
                    row.Hash = EntryHash.Compute(row);
                    context.Entries.Add(row);
                    (head.LastId, head.Hash) = (row.AuditId, row.Hash);
                }

                await context.SaveChangesAsync(token);
                await context.Heads.ExecuteUpdateAsync(set => set.SetProperty(h => h.LastId, head.LastId).SetProperty(h => h.Hash, head.Hash), token);
            },
            TestContext.Current.CancellationToken);
    }

    /// <summary>What retires, as one role.</summary>
    public EntryRetirement Retirement()
    {
        var database = Open();
        return new EntryRetirement(database, new RetentionDatabase(database, IsOwn: false));
    }

    public static NewEntry Entry(int number, Guid? messageId = null) => NewEntry.From(
        messageId ?? Guid.NewGuid(),
        new AuditRecorded
        {
            OccurredAt = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(number),
            Actor = $"token:actor-{number % 3}",
            Action = number % 2 == 0 ? "source.created" : "source.changed",
            Subject = $"source:s{number % 5}",
            RemoteIp = "192.0.2.1",
            Detail = new Dictionary<string, string> { ["number"] = $"{number}" },
        });

    /// <summary>Nobody reads what it logs.</summary>
    public sealed class Silent<T> : ILogger<T>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => false;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
            await replica.DisposeAsync();
        _file?.Dispose();
    }
}
