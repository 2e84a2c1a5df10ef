using Ampora.TestServers;
using Npgsql;

namespace Ampora.Store.Tests;

public class PrivatePostgresTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_private_server_keeps_what_was_committed_when_it_is_killed_stopped_and_paused()
    {
        var small = Directory.CreateTempSubdirectory("ampora-cluster-");
        await using (var server = await PrivatePostgres.StartAsync(new Dictionary<string, string> { ["max_connections"] = "17" }, small.FullName, Cancelled))
        {
            var address = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync(Cancelled)) { Pooling = false }.ToString();
            Assert.Equal("17", await ScalarAsync(address, "SHOW max_connections"));
            Assert.Equal("on", await ScalarAsync(address, "SHOW fsync"));
            await ScalarAsync(address, "CREATE TABLE kept (n int)");
            await using (var open = new NpgsqlConnection(address))
            {
                await open.OpenAsync(Cancelled);
                await ScalarAsync(address, "INSERT INTO kept VALUES (1)");
                await server.KillAsync();
                await using var command = new NpgsqlCommand("SELECT 1", open);
                await Assert.ThrowsAnyAsync<NpgsqlException>(() => command.ExecuteScalarAsync(Cancelled));
            }
            await Assert.ThrowsAnyAsync<NpgsqlException>(() => ScalarAsync(address, "SELECT 1"));

            await server.RelaunchAsync(cancellationToken: Cancelled);
            await ScalarAsync(address, "INSERT INTO kept VALUES (2)");
            await server.StopImmediateAsync();
            await server.RelaunchAsync(new Dictionary<string, string> { ["max_connections"] = "19" }, Cancelled);
            Assert.Equal("19", await ScalarAsync(address, "SHOW max_connections"));
            await ScalarAsync(address, "INSERT INTO kept VALUES (3)");
            await server.StopAsync();
            await server.RelaunchAsync(cancellationToken: Cancelled);
            Assert.Equal("6", await ScalarAsync(address, "SELECT sum(n) FROM kept"));

            server.Pause();
            var waiting = ScalarAsync(address, "SELECT 7");
            Assert.NotSame(waiting, await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(500), Cancelled)));
            server.Resume();
            Assert.Equal("7", await waiting);

            // What is paused or dead at the end goes too.
            server.Pause();
        }
        Assert.Empty(small.EnumerateFileSystemInfos());
        small.Delete();
    }

    private static async Task<string?> ScalarAsync(string address, string sql)
    {
        await using var connection = new NpgsqlConnection(address);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand(sql, connection);
        return (await command.ExecuteScalarAsync(Cancelled))?.ToString();
    }
}
