using Ampora.Database;
using Ampora.Simulation.Model;
using Ampora.TestServers;

namespace Ampora.Store.Tests.Equivalence;

/// <summary>That the comparison sees: a model in which one rule is off is told from the SQL.</summary>
public sealed class EquivalenceSightSpecs(PostgresServer postgres)
{
    private const int Seeds = 6;

    public static TheoryData<string> Rules => [.. typeof(ModelRules).GetProperties().Where(p => p.PropertyType == typeof(bool)).Select(p => p.Name)];

    [Theory(Explicit = true)]
    [MemberData(nameof(Rules))]
    public async Task A_rule_that_only_one_of_them_has_is_found(string rule)
    {
        var rules = new ModelRules();
        typeof(ModelRules).GetProperty(rule)!.SetValue(rules, false);
        for (var seed = 1; seed <= Seeds; seed++)
        {
            await using var under = await SqlStoreUnderTest.OpenTimelessAsync(postgres, DatabaseDialect.Sqlite, EquivalenceSpecs.Policy);
            var found = await Record.ExceptionAsync(() => new Comparison(under, seed, rules).RunInTurnAsync(500));
            if (found is not null)
            {
                Assert.StartsWith("The SQL and the model part", found.Message);
                return;
            }
        }

        Assert.Fail($"{Seeds} seeds did not find that {rule} is off.");
    }
}
