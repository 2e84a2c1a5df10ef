using Ampora.Database;
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

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        _file?.Dispose();
    }
}
