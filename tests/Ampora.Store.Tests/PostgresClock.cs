using Ampora.Database;
using Npgsql;

namespace Ampora.Store.Tests;

/// <summary>
/// A clock of the test's in place of PostgreSQL's: <c>clock_timestamp()</c> finds this function before the system's, because the connections search the system's
/// names last.
/// </summary>
public sealed class PostgresClock
{
    private readonly TimeProvider _clock;

    private PostgresClock(DatabaseAddress address, TimeProvider clock)
    {
        Address = address;
        _clock = clock;
    }

    /// <summary>The database, as those see it for whom the clock holds.</summary>
    public DatabaseAddress Address { get; }

    /// <summary>Puts the clock into an empty database.</summary>
    public static async Task<PostgresClock> CreateAsync(string connectionString, TimeProvider clock)
    {
        var address = new NpgsqlConnectionStringBuilder(connectionString) { SearchPath = "public,pg_catalog" }.ToString();
        var postgres = new PostgresClock(new DatabaseAddress(DatabaseDialect.Postgres, address), clock);
        await postgres.ExecuteAsync("""
            CREATE TABLE public.clock (now timestamptz NOT NULL);
            CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL UNSAFE AS 'SELECT now FROM public.clock';
            INSERT INTO public.clock VALUES (@now);
            """);
        return postgres;
    }

    /// <summary>Sets it to the time of the test's clock.</summary>
    public Task SetAsync() => ExecuteAsync("UPDATE public.clock SET now = @now");

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Address.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddWithValue("now", _clock.GetUtcNow());
        await command.ExecuteNonQueryAsync();
    }
}
