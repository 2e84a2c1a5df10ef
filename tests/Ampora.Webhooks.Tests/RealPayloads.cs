using System.Runtime.CompilerServices;

namespace Ampora.Webhooks.Tests;

/// <summary>What Git hosts really sent. They are not part of this repository; where they are absent, their tests say so.</summary>
internal static class RealPayloads
{
    private static readonly string Folder = Path.GetFullPath(Path.Combine(Here(), "../../../shared/payloads"));

    public static IEnumerable<string> All => Directory.Exists(Folder)
        ? Directory.EnumerateFiles(Folder, "*.json", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Folder, path)).Order(StringComparer.Ordinal)
        : [];

    public static byte[] Read(string name)
    {
        SkipWithout();
        return File.ReadAllBytes(Path.Combine(Folder, name));
    }

    public static void SkipWithout() => Assert.SkipUnless(Directory.Exists(Folder), $"{Folder} is not there");

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
