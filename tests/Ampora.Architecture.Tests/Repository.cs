using System.Xml.Linq;

namespace Ampora.Architecture.Tests;

/// <summary>The repository that these tests were built from.</summary>
internal static class Repository
{
    private static readonly string[] Built = ["bin", "obj", "artifacts", ".git"];

    public static string Root { get; } = FindRoot();

    /// <summary>Every project file, with <c>/</c>, relative to the root.</summary>
    public static IReadOnlyList<string> Projects { get; } = [.. Files(".csproj")];

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static bool Has(string path) => File.Exists(Path.Combine(Root, path));

    /// <summary>Files that end so, below the given folders (or all), relative to the root; nothing that a build makes.</summary>
    public static IEnumerable<string> Files(string ending, params string[] folders) =>
        (folders.Length == 0 ? [""] : folders)
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*" + ending, SearchOption.AllDirectories))
        .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
        .Where(path => !path.Split('/').Any(Built.Contains))
        .Order(StringComparer.Ordinal);

    /// <summary>The names of the projects that a project references.</summary>
    public static IReadOnlyList<string> ReferencesOf(string project) => [.. Items(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path)!)];

    /// <summary>The names of the packages that a project references.</summary>
    public static IReadOnlyList<string> PackagesOf(string project) => [.. Items(project, "PackageReference")];

    private static IEnumerable<string> Items(string project, string item) =>
        XDocument.Load(Path.Combine(Root, project)).Descendants(item).Select(element => element.Attribute("Include")!.Value.Replace('\\', '/'));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Ampora.sln")))
                return folder.FullName;
        }

        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Ampora.sln.");
    }
}
