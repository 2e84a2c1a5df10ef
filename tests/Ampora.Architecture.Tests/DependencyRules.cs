using System.Reflection;

namespace Ampora.Architecture.Tests;

/// <summary>Who may reference whom. An edge that is missing here is a decision to take, not a line to add.</summary>
public sealed class DependencyRules
{
    private static readonly string[] Services = ["Ampora.Audit", "Ampora.Console", "Ampora.Gateway", "Ampora.Ingress", "Ampora.Scheduler", "Ampora.Sweeper"];

    public static TheoryData<string, string[]> Libraries => new()
    {
        { "Ampora.Contracts", [] },
        { "Ampora.Database", [] },
        { "Ampora.Git", [] },
        { "Ampora.Hosting", ["Ampora.Contracts"] },
        { "Ampora.Store", ["Ampora.Contracts", "Ampora.Database", "Ampora.Git", "Ampora.Wakeups", "Ampora.Webhooks"] },
        { "Ampora.Wakeups", ["Ampora.Contracts"] },
        { "Ampora.Webhooks", [] },
    };

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_library_references_only_what_the_design_lets_it(string library, string[] allowed) =>
        Assert.Empty(Repository.ReferencesOf($"shared/{library}/{library}.csproj").Except(allowed));

    [Fact]
    public void Every_library_has_a_rule() =>
        Assert.Equal(
            Libraries.Select(row => row.Data.Item1).Order(),
            Repository.Projects.Where(path => path.StartsWith("shared/", StringComparison.Ordinal)).Select(path => Path.GetFileNameWithoutExtension(path)).Order());

    [Fact]
    public void Services_never_reference_each_other()
    {
        foreach (var service in Services)
            Assert.DoesNotContain(Repository.ReferencesOf($"services/{service}/{service}.csproj"), reference => Repository.Has($"services/{reference}/{reference}.csproj"));
    }

    [Fact]
    public void Standalone_references_the_six_services_and_they_are_all()
    {
        Assert.Empty(Services.Except(Repository.ReferencesOf("services/Ampora.Standalone/Ampora.Standalone.csproj")));
        Assert.Equal(
            Services.Append("Ampora.Standalone").Order(StringComparer.Ordinal),
            Repository.Projects.Where(path => path.StartsWith("services/", StringComparison.Ordinal)).Select(path => Path.GetFileNameWithoutExtension(path)));
    }

    [Fact]
    public void Audit_does_not_reach_the_store_and_only_Sweeper_and_Console_reach_Git()
    {
        Assert.DoesNotContain("Ampora.Store", ReferencedAssemblies("Ampora.Audit"));
        Assert.Equal(
            ["Ampora.Console", "Ampora.Sweeper"],
            Services.Where(service => Repository.ReferencesOf($"services/{service}/{service}.csproj").Contains("Ampora.Git")));
    }

    [Fact]
    public void Contracts_use_the_runtime_alone()
    {
        Assert.Empty(Repository.PackagesOf("shared/Ampora.Contracts/Ampora.Contracts.csproj"));
        Assert.All(ReferencedAssemblies("Ampora.Contracts"), name => Assert.StartsWith("System.", name, StringComparison.Ordinal));
    }

    [Fact]
    public void The_wakeup_protocol_knows_no_database_and_no_bus()
    {
        Assert.Empty(Repository.PackagesOf("shared/Ampora.Wakeups/Ampora.Wakeups.csproj"));
        Assert.All(
            ReferencedAssemblies("Ampora.Wakeups"),
            name => Assert.True(
                name == "Ampora.Contracts" || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal),
                $"Ampora.Wakeups uses {name}"));
    }

    [Fact]
    public void Ampora_Git_knows_no_database_and_no_bus() =>
        Assert.DoesNotContain(ReferencedAssemblies("Ampora.Git"), Stores);

    [Fact]
    public void What_webhooks_mean_is_told_from_the_request_alone()
    {
        Assert.Empty(Repository.PackagesOf("shared/Ampora.Webhooks/Ampora.Webhooks.csproj"));
        Assert.DoesNotContain(ReferencedAssemblies("Ampora.Webhooks"), name => Stores(name) || name == "System.Net.Http");
    }

    [Fact]
    public void No_library_but_Database_and_Store_uses_EF_Core() =>
        Assert.All(["Ampora.Contracts", "Ampora.Git", "Ampora.Hosting", "Ampora.Wakeups", "Ampora.Webhooks"], library =>
            Assert.DoesNotContain(ReferencedAssemblies(library), name => name.StartsWith("Microsoft.EntityFrameworkCore", StringComparison.Ordinal)));

    private static bool Stores(string assembly) =>
        assembly.StartsWith("Microsoft.EntityFrameworkCore", StringComparison.Ordinal) || assembly.StartsWith("MassTransit", StringComparison.Ordinal)
        || assembly.StartsWith("Npgsql", StringComparison.Ordinal);

    private static IEnumerable<string> ReferencedAssemblies(string assembly) =>
        Assembly.Load(assembly).GetReferencedAssemblies().Select(name => name.Name!);
}
