using Ampora.Database;
using Ampora.TestServers;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Ampora.Store.Tests;

/// <summary>A process that is paused, or whose machine has gone, in the middle of a transaction on PostgreSQL.</summary>
public sealed class StandingStillSpecs(PostgresServer postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_connection_of_a_service_gives_up_a_transaction_that_stands_still()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        await using var context = store.Database.Read();
        Assert.Equal("10s", await context.Database.SqlQuery<string>($"SELECT current_setting('idle_in_transaction_session_timeout') AS \"Value\"").SingleAsync(Token));
    }

    [Fact]
    public async Task Behind_a_pooler_that_keeps_nothing_of_a_session_no_option_is_sent()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var pooled = new NpgsqlConnectionStringBuilder(store.Address.ConnectionString) { NoResetOnClose = true }.ToString();
        await using var database = StoreService.Open(new DatabaseAddress(DatabaseDialect.Postgres, pooled), TimeProvider.System);
        await using var context = database.Read();
        Assert.Equal("0", await context.Database.SqlQuery<string>($"SELECT current_setting('idle_in_transaction_session_timeout') AS \"Value\"").SingleAsync(Token));
    }

    [Fact]
    public async Task What_stood_still_holds_up_nobody_and_is_done_once_when_it_goes_on()
    {
        await using var store = await TestStore.CreateAsync(postgres, DatabaseDialect.Postgres);
        var impatient = new NpgsqlConnectionStringBuilder(store.Address.ConnectionString) { Options = "-c idle_in_transaction_session_timeout=500ms" }.ToString();
        await using var paused = StoreService.Open(new DatabaseAddress(DatabaseDialect.Postgres, impatient), TimeProvider.System);
        var hasRow = new TaskCompletionSource();
        var goesOn = new TaskCompletionSource();
        var tries = 0;
        var standing = paused.WriteAsync(
            async (context, token) =>
            {
                await AddAsync(context, 1, token);
                if (tries++ == 0)
                {
                    hasRow.SetResult();
                    await goesOn.Task.WaitAsync(token);
                }

                await AddAsync(context, 10, token);
            },
            Token);

        await hasRow.Task.WaitAsync(Token);
        await store.Database.WriteAsync((context, token) => AddAsync(context, 100, token), Token);
        goesOn.SetResult();
        await standing;
        Assert.Equal(2, tries);
        await using var read = store.Database.Read();
        Assert.Equal(111, await read.Sequences.Where(s => s.Name == "events").Select(s => s.Value).SingleAsync(Token));
    }

    private static Task<int> AddAsync(StoreContext context, long value, CancellationToken cancellationToken) =>
        context.Sequences.Where(s => s.Name == "events").ExecuteUpdateAsync(set => set.SetProperty(s => s.Value, s => s.Value + value), cancellationToken);
}
