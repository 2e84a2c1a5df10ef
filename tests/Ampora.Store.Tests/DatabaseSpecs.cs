using Ampora.Database;
using Ampora.Store.Model;
using Ampora.Store.Sql;
using Ampora.Store.Wakeups;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Ampora.Store.Tests;

public class DatabaseSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Host=db;Password=x", DatabaseDialect.Postgres)]
    [InlineData("Server=db", DatabaseDialect.Postgres)]
    [InlineData("Data Source=/data/ampora.db", DatabaseDialect.Sqlite)]
    [InlineData("Filename=ampora.db", DatabaseDialect.Sqlite)]
    public void A_connection_string_names_its_database(string value, DatabaseDialect dialect)
    {
        Assert.Null(DatabaseAddress.TryParse("ConnectionStrings__Store", value, out var address));
        Assert.Equal(dialect, address!.Dialect);
        Assert.DoesNotContain("Password", address.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(" ")]
    [InlineData("hunter2")]
    [InlineData("Password=hunter2")]
    public void A_bad_connection_string_is_refused_without_repeating_it(string? value)
    {
        var problem = DatabaseAddress.TryParse("ConnectionStrings__Store", value, out var address);
        Assert.Contains("ConnectionStrings__Store", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", problem, StringComparison.Ordinal);
        Assert.Null(address);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Writes_at_once_all_happen_and_one_after_the_other_on_a_row(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => Task.Run(() => store.Database.WriteAsync(
            async (context, token) =>
            {
                // SQLite without BEGIN IMMEDIATE would read here and find the file locked at the update.
                await context.Sequences.AsNoTracking().SingleAsync(s => s.Name == "events", token);
                await context.Sequences.Where(s => s.Name == "events").ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + 1), token);
            },
            Token))));
        await using var context = store.Database.Read();
        Assert.Equal(40, await context.Sequences.Where(s => s.Name == "events").Select(s => s.Value).SingleAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Work_that_fails_leaves_nothing(DatabaseDialect dialect)
    {
        await using var store = await TestStore.CreateAsync(postgres, dialect);
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Database.WriteAsync(
            async (context, token) =>
            {
                context.ServiceInstances.Add(new ServiceInstance { Id = "a", Service = "test", StartedAt = default, SeenAt = default });
                await context.SaveChangesAsync(token);
                throw new InvalidOperationException("the work failed");
            },
            Token));
        await using var context = store.Database.Read();
        Assert.Equal(0, await context.ServiceInstances.CountAsync(Token));
    }

    [Fact]
    public async Task A_deadlock_is_tried_again()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var bothHoldOne = new CountdownEvent(2);
        Task Write(string first, string second) => store.Database.WriteAsync(
            async (context, token) =>
            {
                await context.Sequences.Where(s => s.Name == first).ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + 1), token);
                if (!bothHoldOne.IsSet)
                {
                    bothHoldOne.Signal();
                    await Task.Run(() => bothHoldOne.Wait(TimeSpan.FromSeconds(30), token), token);
                }

                await context.Sequences.Where(s => s.Name == second).ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + 1), token);
            },
            Token);
        await Task.WhenAll(Write("events", "deliveries"), Write("deliveries", "events"));
        await using var context = store.Database.Read();
        Assert.All(await context.Sequences.ToListAsync(Token), s => Assert.Equal(2, s.Value));
    }

    [Fact]
    public async Task A_connection_that_breaks_before_the_commit_is_tried_again_and_one_that_breaks_at_it_is_reported_as_unknown()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var attempts = 0;
        await store.Database.WriteAsync(
            async (context, token) =>
            {
                if (++attempts == 1)
                    await KillAsync(store, context);
                await context.Sequences.ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + 1), token);
            },
            Token);
        Assert.Equal(2, attempts);

        await Assert.ThrowsAsync<CommitOutcomeUnknownException>(() => store.Database.WriteAsync(
            async (context, token) =>
            {
                await context.Sequences.ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + 1), token);
                await KillAsync(store, context);
            },
            Token));
    }

    [Fact]
    public async Task SQLite_survives_a_power_cut_and_leaves_one_file_after_an_orderly_stop()
    {
        using var file = new SqliteFile();
        await using (var database = StoreService.Open(new DatabaseAddress(DatabaseDialect.Sqlite, file.ConnectionString), TimeProvider.System))
        {
            await database.MigrateAsync(Token);
            await using var context = database.Read();
            await context.Database.OpenConnectionAsync(Token);
            Assert.Equal("wal", await context.Database.SqlQuery<string>($"SELECT journal_mode AS Value FROM pragma_journal_mode").SingleAsync(Token));
            Assert.Equal(2, await context.Database.SqlQuery<int>($"SELECT synchronous AS Value FROM pragma_synchronous").SingleAsync(Token));
            Assert.Equal(1, await context.Database.SqlQuery<int>($"SELECT foreign_keys AS Value FROM pragma_foreign_keys").SingleAsync(Token));
        }

        Assert.False(File.Exists($"{file.Path}-wal"));
    }

    [Fact]
    public async Task Only_a_commit_that_says_so_may_be_flushed_later_and_the_next_one_is_flushed_again()
    {
        await using var lite = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite);
        Task<int> Synchronous(Durability durability) => lite.Database.WriteAsync(
            (context, token) => context.Database.SqlQuery<int>($"SELECT synchronous AS Value FROM pragma_synchronous").SingleAsync(token), durability, Token);
        const int full = 2;
        const int normal = 1;
        Assert.Equal(normal, await Synchronous(Durability.Deferred));
        Assert.Equal(full, await Synchronous(Durability.Flushed));

        await using var server = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        Task<string> Setting(Durability durability) => server.Database.WriteAsync(
            async (context, token) =>
            {
                var session = new StoreSession(context, durability);
                await session.ReadAsync(new Statement("SELECT 1"), [], row => row.Int(0), token);
                return (await session.ReadAsync(new Statement("SELECT current_setting('synchronous_commit')"), [], row => row.String(0), token))[0];
            },
            durability,
            Token);
        Assert.Equal("off", await Setting(Durability.Deferred));
        Assert.Equal("on", await Setting(Durability.Flushed));
    }

    [Fact]
    public async Task The_clock_of_the_rows_is_the_processs_on_SQLite_and_the_servers_on_PostgreSQL()
    {
        var clock = new ManualClock();
        await using var lite = await TestStore.CreateAsync(postgres, DatabaseDialect.Sqlite, clock);
        await using (var context = lite.Database.Read())
            Assert.Equal(clock.GetUtcNow(), await SourceWakeups.NowAsync(context, Token));

        await using var server = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres, clock);
        await using (var context = server.Database.Read())
        {
            var now = await SourceWakeups.NowAsync(context, Token);
            Assert.True(await SourceWakeups.NowAsync(context, Token) > now, "the server's clock stands still");
        }
    }

    private static async Task KillAsync(TestStore store, StoreContext context)
    {
        var id = ((NpgsqlConnection)context.Database.GetDbConnection()).ProcessID;
        await using var killer = new NpgsqlConnection(store.Address.ConnectionString);
        await killer.OpenAsync(Token);
        await using var kill = new NpgsqlCommand($"SELECT pg_terminate_backend({id}, 10000)", killer);
        await kill.ExecuteNonQueryAsync(Token);
    }
}
