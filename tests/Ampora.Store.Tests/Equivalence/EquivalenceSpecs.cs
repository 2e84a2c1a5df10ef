using System.Globalization;
using Ampora.Database;
using Ampora.TestServers;
using Ampora.Wakeups;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>
/// The SQL is the model: whatever the simulation proves of the one holds for the other. The seeds are fixed ones and a fresh one each time;
/// <c>AMPORA_EQUIVALENCE_SEED</c> runs one again, <c>AMPORA_EQUIVALENCE_SEEDS</c> says how many fresh ones are run.
/// </summary>
public abstract class EquivalenceSpecs(PostgresServer postgres, DatabaseDialect dialect, int inTurn, int atOnce)
{
    // Small hosts are full often. The longest interval has an exact inverse, as the others of the test.
    internal static readonly WakeupPolicy Policy = new() { ChecksPerHost = 2, LeasesPerHost = 3, MaxAdaptiveInterval = TimeSpan.FromSeconds(2048) };

    [Fact]
    public async Task One_after_the_other_the_same_operations_answer_and_leave_the_same()
    {
        foreach (var seed in Seeds())
        {
            await using var under = await SqlStoreUnderTest.OpenTimelessAsync(postgres, dialect, Policy);
            await new Comparison(under, seed).RunInTurnAsync(inTurn);
        }
    }

    [Fact]
    public async Task At_once_operations_answer_and_leave_what_some_order_of_them_does()
    {
        foreach (var seed in Seeds())
        {
            await using var under = await SqlStoreUnderTest.OpenTimelessAsync(postgres, dialect, Policy);
            await new Comparison(under, seed).RunAtOnceAsync(atOnce);
        }
    }

    private static int[] Seeds()
    {
        if (Environment.GetEnvironmentVariable("AMPORA_EQUIVALENCE_SEED") is { Length: > 0 } one)
            return [int.Parse(one, CultureInfo.InvariantCulture)];
        var fresh = int.Parse(Environment.GetEnvironmentVariable("AMPORA_EQUIVALENCE_SEEDS") is { Length: > 0 } count ? count : "1", CultureInfo.InvariantCulture);
        return [1, 2, .. Enumerable.Range(0, fresh).Select(_ => Random.Shared.Next(3, int.MaxValue))];
    }
}

public sealed class EquivalenceOnPostgres(PostgresServer postgres) : EquivalenceSpecs(postgres, DatabaseDialect.Postgres, inTurn: 150, atOnce: 40);

public sealed class EquivalenceOnSqlite(PostgresServer postgres) : EquivalenceSpecs(postgres, DatabaseDialect.Sqlite, inTurn: 400, atOnce: 80);
