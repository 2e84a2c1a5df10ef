using Ampora.Contracts;
using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Ampora.Store.Tests;

public class MigrationAtStartSpecs(PostgresServer postgres)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_starts_without_its_database_says_so_and_is_ready_when_it_comes()
    {
        await using var link = new DatabaseLink(await postgres.CreateDatabaseAsync(Token));
        link.Cut();
        using var host = Build(link.ConnectionString);
        await host.StartAsync(Token).WaitAsync(Deadline, Token);

        var database = host.Services.GetRequiredService<Database<StoreContext>>();
        var health = await HealthAsync(host);
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.StartsWith("waiting for the store database: ", health.Description, StringComparison.Ordinal);
        Assert.Throws<DatabaseNotReadyException>(() => database.Read());
        await Assert.ThrowsAsync<DatabaseNotReadyException>(() => database.WriteAsync((_, _) => Task.CompletedTask, Token));

        link.Mend();
        await database.WaitUntilMigratedAsync(Token).WaitAsync(Deadline, Token);
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(host)).Status);
        await using var context = database.Read();
        Assert.Equal(2, await context.Sequences.CountAsync(Token));
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_role_that_is_made_later_is_waited_for_by_name()
    {
        var address = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync(Token)) { Username = $"later_{Guid.NewGuid():n}" };
        using var host = Build(address.ToString());
        await host.StartAsync(Token).WaitAsync(Deadline, Token);

        Assert.Contains(address.Username!, (await HealthAsync(host)).Description, StringComparison.Ordinal);
        await host.StopAsync(Token).WaitAsync(Deadline, Token);
    }

    [Fact]
    public async Task A_service_that_waits_for_its_database_stops_when_it_is_told_to()
    {
        await using var link = new DatabaseLink(await postgres.CreateDatabaseAsync(Token));
        // Connections are made and nothing comes back: the longest that a try can take.
        link.Freeze();
        using var host = Build(link.ConnectionString);
        await host.StartAsync(Token).WaitAsync(Deadline, Token);
        await host.StopAsync(Token).WaitAsync(TimeSpan.FromSeconds(8), Token);
    }

    [Fact]
    public async Task A_migration_that_no_waiting_mends_ends_the_start()
    {
        var address = await postgres.CreateDatabaseAsync(Token);
        await using (var other = NpgsqlDataSource.Create(address))
        await using (var command = other.CreateCommand("CREATE TABLE sources (id text)"))
            await command.ExecuteNonQueryAsync(Token);
        using var host = Build(address);
        var error = await Assert.ThrowsAsync<PostgresException>(() => host.StartAsync(Token).WaitAsync(Deadline, Token));
        Assert.Equal(PostgresErrorCodes.DuplicateTable, error.SqlState);
    }

    private static async Task<HealthReportEntry> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Tags.Contains("ready"), Token)).Entries["store-schema"];

    private static IHost Build(string store)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration["ConnectionStrings:Store"] = store;
        builder.Services.AddSingleton<IMessagePublisher, NoBus>();
        builder.AddStore();
        return builder.Build();
    }

    private sealed class NoBus : IMessagePublisher
    {
        public Task PublishAsync(object message, Guid messageId, TimeSpan? timeToLive, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
