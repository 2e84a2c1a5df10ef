using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Wakeups;
using Ampora.TestServers;

namespace Ampora.Store.Tests;

/// <summary>Stores on fresh databases of either kind.</summary>
public sealed class TestStore : IAsyncDisposable
{
    private SqliteFile? _file;

    public required Database<StoreContext> Database { get; init; }

    public required DatabaseAddress Address { get; init; }

    public static async Task<TestStore> CreateAsync(PostgresServer postgres, DatabaseDialect dialect, TimeProvider? time = null, bool migrate = true)
    {
        var file = dialect == DatabaseDialect.Sqlite ? new SqliteFile() : null;
        var address = new DatabaseAddress(dialect, file?.ConnectionString ?? await postgres.CreateDatabaseAsync(TestContext.Current.CancellationToken));
        var store = new TestStore { Address = address, Database = StoreService.Open(address, time ?? TimeProvider.System), _file = file };
        if (migrate)
            await store.Database.MigrateAsync(TestContext.Current.CancellationToken);
        return store;
    }

    /// <summary>On a database that is there.</summary>
    public static async Task<TestStore> CreateAsync(DatabaseAddress address)
    {
        var store = new TestStore { Address = address, Database = StoreService.Open(address, TimeProvider.System) };
        await store.Database.MigrateAsync(TestContext.Current.CancellationToken);
        return store;
    }

    /// <summary>The same with a source <c>fleet</c>.</summary>
    public static async Task<TestStore> CreateWithSourceAsync(PostgresServer postgres, DatabaseDialect dialect, TimeProvider? time = null)
    {
        var store = await CreateAsync(postgres, dialect, time);
        await store.AddSourceAsync("fleet");
        return store;
    }

    /// <summary>Adds a source whose first check is wanted.</summary>
    public Task AddSourceAsync(string id) => Database.WriteAsync(
        async (context, token) =>
        {
            context.Sources.Add(new Source
            {
                Id = id,
                Uid = Guid.NewGuid(),
                Url = $"https://git.test/{id}.git",
                Ref = "main",
                PollIntervalSeconds = 60,
                Polling = "fixed",
                WebhookAuth = "token",
                Version = 1,
                CreatedAt = DateTimeOffset.UnixEpoch,
                UpdatedAt = DateTimeOffset.UnixEpoch,
            });
            await context.SaveChangesAsync(token);
            await SourceWakeups.CreateAsync(
                context, new NewWakeup(id, "git.test:443", $"https://git.test/{id}.git", 60, Paused: false), $"req_{Guid.NewGuid():n}", "test", token);
        },
        TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        _file?.Dispose();
    }
}
