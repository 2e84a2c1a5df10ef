using System.Reflection;
using System.Text.RegularExpressions;

namespace Ampora.Architecture.Tests;

/// <summary>What an operator can set and what an operator can meet is in the documentation, and nothing else is.</summary>
public sealed partial class Documentation
{
    // Snake_case texts of the source that are neither a code nor a reason.
    private static readonly string[] NoCodes = ["expires_at", "known_hosts", "pax_global_header"];

    private static readonly Lazy<IReadOnlyDictionary<string, string>> Sources = new(() =>
        Repository.Files(".cs", "services", "shared").ToDictionary(path => path, Repository.Read));

    [Fact]
    public void Every_setting_is_documented()
    {
        var documented = Repository.Read("docs/settings.md");
        string[] missing = [.. Settings().Distinct().Where(setting => !documented.Contains($"`{setting}`", StringComparison.Ordinal))];
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_documented_setting_exists()
    {
        var settings = Settings().ToHashSet();
        var mentioned = Repository.Files(".md", "docs").Append("README.md").Append("docker-compose.yml").Append("deploy/Dockerfile")
            .SelectMany(path => SettingName().Matches(Repository.Read(path)).Select(match => (path, name: match.Value)))
            // The compose file's own.
            .Where(mention => mention.name != "AMPORA_PORT")
            .Select(mention => (mention.path, name: Numbered().Replace(mention.name, "")))
            .Select(mention => mention with { name = mention.name.EndsWith("_FILE", StringComparison.Ordinal) ? mention.name[..^"_FILE".Length] : mention.name });
        (string Path, string Name)[] unknown = [.. mentioned.Where(mention => !settings.Contains(mention.name)).Distinct()];
        Assert.Empty(unknown);
    }

    [Fact]
    public void Every_code_and_reason_is_documented()
    {
        var documented = Repository.Read("docs/errors.md");
        string[] missing = [.. Codes().Where(code => !documented.Contains($"`{code}`", StringComparison.Ordinal))];
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_documented_code_and_reason_exists()
    {
        var literals = Sources.Value.Values.SelectMany(text => Literal().Matches(text)).Select(match => match.Groups[1].Value).ToHashSet();
        var documented = FirstCell().Matches(Repository.Read("docs/errors.md")).Select(match => match.Groups[1].Value);
        Assert.Empty(documented.Except(literals));
    }

    [Fact]
    public void Every_link_between_documents_leads_somewhere()
    {
        foreach (var path in Repository.Files(".md"))
        {
            foreach (var target in Link().Matches(Repository.Read(path)).Select(match => match.Groups[1].Value))
            {
                var full = Path.Combine(Repository.Root, Path.GetDirectoryName(path)!, target);
                Assert.True(Path.Exists(full), $"{path} links to {target}, which does not exist");
            }
        }
    }

    [Fact]
    public void Every_metric_is_documented()
    {
        var documented = Repository.Read("docs/operations.md");
        string[] missing = [.. Sources.Value.Values.SelectMany(text => Metric().Matches(text)).Select(match => match.Groups[1].Value).Distinct()
            .Where(metric => !documented.Contains($"`{metric}", StringComparison.Ordinal))];
        Assert.Empty(missing);
    }

    /// <summary>Environment variables of Ampora: the properties of bound options classes, and those that are read by name.</summary>
    private static IEnumerable<string> Settings()
    {
        foreach (var text in Sources.Value.Values)
        {
            foreach (Match binding in Binding().Matches(text))
            {
                var section = binding.Groups[2].Value.Replace(":", "__", StringComparison.Ordinal);
                foreach (var name in PropertiesOf(TypeNamed(binding.Groups[1].Value)))
                    yield return $"Ampora__{section}__{name}";
            }

            foreach (Match key in ReadByKey().Matches(text))
                yield return key.Groups[1].Value.Replace(":", "__", StringComparison.Ordinal);
            foreach (Match name in ReadByName().Matches(text))
                yield return name.Value.Trim('"');
        }
    }

    private static IEnumerable<string> PropertiesOf(Type options)
    {
        foreach (var property in options.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.SetMethod is { IsPublic: true } || property.PropertyType.IsClass))
        {
            if (property.PropertyType.Assembly == options.Assembly && property.PropertyType.IsClass)
            {
                foreach (var inner in PropertiesOf(property.PropertyType))
                    yield return $"{property.Name}__{inner}";
            }
            else
            {
                yield return property.Name;
            }
        }
    }

    private static Type TypeNamed(string name) =>
        Repository.Projects.Where(path => !path.StartsWith("tests/", StringComparison.Ordinal))
            .SelectMany(path => Assembly.Load(Path.GetFileNameWithoutExtension(path)).GetTypes())
            .Single(type => type.Name == name);

    /// <summary>Codes and reasons: what is given to a problem, a Git error or a run's error, and any other snake_case text of a service.</summary>
    private static IEnumerable<string> Codes() => Sources.Value
        .Where(source => !source.Key.Contains("/Migrations/", StringComparison.Ordinal) && !source.Key.Contains("/Model/", StringComparison.Ordinal))
        .SelectMany(source => Given().Matches(source.Value)
            .Concat(source.Key.StartsWith("services/", StringComparison.Ordinal) || source.Key.StartsWith("shared/Ampora.Git/", StringComparison.Ordinal)
                // Its other texts are names of Git hosts' fields.
                || source.Key is "shared/Ampora.Webhooks/RefusalReasons.cs" or "shared/Ampora.Webhooks/IgnoredReasons.cs" or "shared/Ampora.Webhooks/PayloadException.cs"
                ? SnakeCase().Matches(source.Value) : []))
        .Select(match => match.Groups[1].Value)
        .Where(code => !code.StartsWith("ampora_", StringComparison.Ordinal) && !NoCodes.Contains(code))
        .Distinct();

    [GeneratedRegex("""AddSettings<(\w+)>\("([\w:]+)"\)""")]
    private static partial Regex Binding();

    [GeneratedRegex("""(?:onfiguration|settings)\["(Ampora:[\w:]+)"\]""")]
    private static partial Regex ReadByKey();

    [GeneratedRegex("\"(?:AMPORA_[A-Z_]*[A-Z]|ConnectionStrings__[A-Z][A-Za-z]+)\"")]
    private static partial Regex ReadByName();

    [GeneratedRegex("(?:Ampora__[A-Z][A-Za-z]*__[A-Z][A-Za-z0-9_]*[A-Za-z0-9]|AMPORA_[A-Z_]*[A-Z]|ConnectionStrings__[A-Z][A-Za-z]*[a-z](?:_FILE)?)")]
    private static partial Regex SettingName();

    [GeneratedRegex("(?<=[a-z])__[0-9]+$")]
    private static partial Regex Numbered();

    [GeneratedRegex("""(?:Problem\.Because\(\s*[^,"]+,\s*|new GitException\(\s*|new RunError\(\s*|"code":|[0-9]{3} => \(|new(?:[A-Za-z]*Exception)?\(\s*[45][0-9]{2},\s*)"([a-z]+(?:_[a-z0-9]+)*)""")]
    private static partial Regex Given();

    [GeneratedRegex("\"([a-z]+(?:_[a-z0-9]+)+)\"")]
    private static partial Regex SnakeCase();

    [GeneratedRegex("\"([a-z]+(?:_[a-z0-9]+)*)\"")]
    private static partial Regex Literal();

    [GeneratedRegex("^\\| `([a-z_0-9]+)`", RegexOptions.Multiline)]
    private static partial Regex FirstCell();

    [GeneratedRegex("""\]\(((?!https?:)[^)#\s]+)\)""")]
    private static partial Regex Link();

    [GeneratedRegex("\"(ampora_[a-z_]+_(?:total|seconds|info))\"")]
    private static partial Regex Metric();
}
