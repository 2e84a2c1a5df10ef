using Ampora.Conformance;
using Ampora.Database;
using Ampora.TestServers;

namespace Ampora.Store.Tests;

public sealed class PostgresConformance(PostgresServer postgres) : WakeupStoreConformance
{
    protected override async Task<StoreUnderTest> OpenAsync() => await SqlStoreUnderTest.OpenAsync(postgres, DatabaseDialect.Postgres);
}

public sealed class SqliteConformance(PostgresServer postgres) : WakeupStoreConformance
{
    protected override async Task<StoreUnderTest> OpenAsync() => await SqlStoreUnderTest.OpenAsync(postgres, DatabaseDialect.Sqlite);
}
