using Ampora.Deployments;
using Npgsql;

namespace Ampora.Chaos.Databases;

/// <summary>Row 10: transactions that fail and would succeed when tried again, and a database that has no connection left.</summary>
public sealed class DatabaseContention(CrampedDeployment deployment) : IClassFixture<CrampedDeployment>
{
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(10);

    // One in five transactions on a wake-up row fails; three tries in a row do at times, and then the sender is asked to come again.
    [Theory(Explicit = true)]
    [InlineData("40P01")]
    [InlineData("40001")]
    public async Task Fault10_transactions_fail_with_what_goes_away(string sqlState) => await Scenario.RunAsync(deployment, async context =>
    {
        context.Journal.Faulted("fail transactions", "database", sqlState);
        await ExecuteAsync($$"""
            CREATE OR REPLACE FUNCTION public.fail_at_times() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF random() < 0.2 THEN RAISE EXCEPTION 'at times' USING ERRCODE = '{{sqlState}}'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER fail_at_times BEFORE UPDATE ON public.wakeups FOR EACH ROW EXECUTE FUNCTION public.fail_at_times();
            """);
        await Task.Delay(Lasting, Deployment.Token);
        await ExecuteAsync("DROP TRIGGER fail_at_times ON public.wakeups");
    });

    [Fact(Explicit = true)]
    public async Task Fault10_somebody_locks_rows_in_the_wrong_order() => await Scenario.RunAsync(deployment, async context =>
    {
        context.Journal.Faulted("deadlock", "database");
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(Deployment.Token);
        ends.CancelAfter(Lasting);
        var ids = context.Load.Sources.Select(s => s.Id).OrderDescending(StringComparer.Ordinal).ToArray();
        while (!ends.IsCancellationRequested)
        {
            await using var connection = new NpgsqlConnection(Unpooled);
            await connection.OpenAsync(Deployment.Token);
            await using var transaction = await connection.BeginTransactionAsync(Deployment.Token);
            try
            {
                foreach (var id in ids)
                {
                    await using var command = new NpgsqlCommand("SELECT 1 FROM wakeups WHERE source_id = $1 FOR UPDATE", connection, transaction) { Parameters = { new() { Value = id } } };
                    await command.ExecuteNonQueryAsync(Deployment.Token);
                    await Task.Delay(30, Deployment.Token);
                }
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
                // Either of the two is told to end.
            }
        }
    });

    [Fact(Explicit = true)]
    public async Task Fault10_the_database_has_no_connection_left() => await Scenario.RunAsync(deployment, async context =>
    {
        context.Journal.Faulted("take connections", "database", $"{Lasting}");
        var taken = new List<NpgsqlConnection>();
        try
        {
            // All that are free, and those of the processes as they give them back or are sent away.
            for (var round = 0; round < 10; round++)
            {
                await ExecuteOnAsync(taken, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'taker'");
                while (await TryTakeAsync() is { } connection)
                    taken.Add(connection);
                await Task.Delay(Lasting / 10, Deployment.Token);
            }
        }
        finally
        {
            foreach (var connection in taken)
                await connection.DisposeAsync();
        }

        Assert.True(taken.Count >= CrampedDeployment.Connections / 2, $"{taken.Count} connections were taken");
    });

    private string Unpooled => new NpgsqlConnectionStringBuilder(deployment.StoreAddress) { Pooling = false, ApplicationName = "taker" }.ToString();

    private async Task<NpgsqlConnection?> TryTakeAsync()
    {
        var connection = new NpgsqlConnection(Unpooled);
        try
        {
            await connection.OpenAsync(Deployment.Token);
            return connection;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.TooManyConnections)
        {
            await connection.DisposeAsync();
            return null;
        }
    }

    private static async Task ExecuteOnAsync(List<NpgsqlConnection> taken, string sql)
    {
        if (taken.Count == 0)
            return;
        await using var command = new NpgsqlCommand(sql, taken[0]);
        await command.ExecuteNonQueryAsync(Deployment.Token);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Unpooled);
        await connection.OpenAsync(Deployment.Token);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Deployment.Token);
    }
}

/// <summary>A deployment whose database has few connections, and sees deadlocks soon.</summary>
public sealed class CrampedDeployment : ChaosDeployment
{
    public const int Connections = 60;

    protected override IReadOnlyDictionary<string, string>? DatabaseSettings { get; } = new Dictionary<string, string>
    {
        ["max_connections"] = $"{Connections}",
        ["deadlock_timeout"] = "100ms",
    };
}
