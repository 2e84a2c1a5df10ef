using Ampora.TestServers;
using Npgsql;

namespace Ampora.Store.Tests;

public class ServersTests(PostgresServer postgres)
{
    [Fact]
    public async Task Each_database_of_the_test_server_is_fresh()
    {
        var cancel = TestContext.Current.CancellationToken;
        foreach (var _ in (int[])[1, 2])
        {
            await using var connection = new NpgsqlConnection(await postgres.CreateDatabaseAsync(cancel));
            await connection.OpenAsync(cancel);
            await using var command = new NpgsqlCommand("CREATE TABLE only_once (id int); SELECT count(*) FROM only_once", connection);
            Assert.Equal(0L, await command.ExecuteScalarAsync(cancel));
        }
    }
}
