using Ampora.Audit.Chain;
using Ampora.Audit.Model;
using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Audit.Tests;

/// <summary>One audit database of a test on either dialect, and any number of replicas that open it.</summary>
internal sealed class TestAudit : IAsyncDisposable
{
    private readonly List<Database<AuditContext>> _replicas = [];
    private readonly SqliteFile? _file;

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
        string[] triggers = Address.Dialect == DatabaseDialect.Sqlite
            ? ["audit_entries_no_update", "audit_entries_no_delete", "audit_entries_linked", "audit_head_no_insert", "audit_head_no_delete", "audit_head_moves_forward"]
            : ["audit_entries_append_only ON audit_entries", "audit_entries_linked ON audit_entries", "audit_head_stays ON audit_head", "audit_head_moves_forward ON audit_head"];
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

    public Task<AuditVerification> VerifyAsync() => new ChainVerifier(Open()).VerifyAsync(TestContext.Current.CancellationToken);

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

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
            await replica.DisposeAsync();
        _file?.Dispose();
    }
}
