using System.Text.RegularExpressions;

namespace Ampora.Architecture.Tests;

/// <summary>Where things are, so that they are found.</summary>
public sealed partial class Layout
{
    private static readonly string[] SaysNothing = ["Common", "Core", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Manager", "Managers", "Base"];

    // One screen: the reader sees the whole service at once.
    private const int MaxProgramLines = 60;

    public static TheoryData<string> Services => ["Audit", "Console", "Gateway", "Ingress", "Scheduler", "Sweeper"];

    [Theory]
    [MemberData(nameof(Services))]
    public void A_service_has_its_three_verbs_and_a_program_that_calls_them(string service)
    {
        var verbs = Repository.Read($"services/Ampora.{service}/{service}Service.cs");
        Assert.Contains($"public static void Add{service}(this WebApplicationBuilder builder", verbs, StringComparison.Ordinal);
        Assert.Contains($"public static void Add{service}Consumers(this IBusRegistrationConfigurator bus", verbs, StringComparison.Ordinal);
        Assert.Contains($"public static void Map{service}(this WebApplication app", verbs, StringComparison.Ordinal);

        foreach (var program in new[] { $"services/Ampora.{service}/Program.cs", "services/Ampora.Standalone/Program.cs" })
        {
            var text = Repository.Read(program);
            // The gateway's own process has no bus, and says so.
            var consumers = text.Contains("consumers: null", StringComparison.Ordinal) ? "consumers: null" : $".Add{service}Consumers(";
            Assert.All([$".Add{service}(", consumers, $".Map{service}("], verb => Assert.Contains(verb, text, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_program_fits_on_one_screen()
    {
        foreach (var program in Repository.Files(".cs", "services").Where(path => path.EndsWith("/Program.cs", StringComparison.Ordinal)))
            Assert.InRange(Repository.Read(program).Split('\n').Length, 1, MaxProgramLines);
    }

    [Fact]
    public void No_name_says_nothing() =>
        Assert.DoesNotContain(
            Repository.Files(".cs", "services", "shared", "tests"),
            path => path.Split('/', '.').SelectMany(part => Words().Split(part)).Any(SaysNothing.Contains));

    [Fact]
    public void The_solution_holds_every_project()
    {
        var solution = Repository.Read("Ampora.sln").Replace('\\', '/');
        Assert.All(Repository.Projects, project => Assert.Contains($"\"{project}\"", solution, StringComparison.Ordinal));
    }

    [Fact]
    public void The_top_level_holds_what_the_design_names_and_nothing_else()
    {
        string[] folders = ["artifacts", "deploy", "docs", "services", "shared", "tests"];
        Assert.Empty(Directory.EnumerateDirectories(Repository.Root).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).Except(folders));
    }

    [Fact]
    public void Every_test_assembly_is_run_by_tests_run() =>
        Assert.All(
            Repository.Projects.Where(path => path.StartsWith("tests/", StringComparison.Ordinal) && path.EndsWith(".Tests.csproj", StringComparison.Ordinal)),
            path => Assert.Equal($"tests/{Path.GetFileNameWithoutExtension(path)}/{Path.GetFileName(path)}", path));

    [GeneratedRegex("(?<=[a-z0-9])(?=[A-Z])")]
    private static partial Regex Words();
}
