using System.Globalization;
using Ampora.Deployments;
using Npgsql;

namespace Ampora.Chaos.Clocks;

/// <summary>A deployment whose database has a clock that jumps: <c>clock_timestamp()</c> finds a function of the test before the system's.</summary>
public sealed class JumpingClockDeployment(TimeSpan ahead) : ChaosDeployment
{
    /// <summary>Sets how far the database's clock is ahead of the others.</summary>
    public async Task JumpToAsync(TimeSpan by)
    {
        foreach (var address in (string[])[StoreAddress, AuditAddress])
            await ExecuteAsync(address, $"UPDATE public.clock SET ahead = {Interval(by)}");
    }

    protected override async Task<string> CreateDatabaseAsync()
    {
        var address = new NpgsqlConnectionStringBuilder(await base.CreateDatabaseAsync()) { SearchPath = "public,pg_catalog" }.ToString();
        await ExecuteAsync(address, $"""
            CREATE TABLE public.clock (ahead interval NOT NULL);
            INSERT INTO public.clock VALUES ({Interval(ahead)});
            CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL UNSAFE AS
                'SELECT pg_catalog.clock_timestamp() + (SELECT ahead FROM public.clock)';
            """);
        return address;
    }

    private static string Interval(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"interval '{(long)time.TotalSeconds} seconds'");

    private static async Task ExecuteAsync(string address, string sql)
    {
        await using var database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(address) { Pooling = false }.ToString());
        await using var command = database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Deployment.Token);
    }
}
