using System.Diagnostics;
using Ampora.Deployments;

namespace Ampora.Chaos.Lifecycle;

/// <summary>Runs the commands of docs/operations.md as they stand there, with functions in the place of the programs that are not here.</summary>
public static class DocumentedCommands
{
    /// <summary>The indented lines of a section that name all of these words.</summary>
    public static IReadOnlyList<string> Of(string section, params string[] words)
    {
        var folder = BuildOutput.FolderOf(".");
        while (!File.Exists(Path.Combine(folder, "Ampora.sln")))
            folder = Path.GetDirectoryName(folder)!;
        string[] lines =
        [
            .. File.ReadLines(Path.Combine(folder, "docs", "operations.md"))
                .SkipWhile(line => line != $"## {section}").Skip(1)
                .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
                .Where(line => line.StartsWith("    ", StringComparison.Ordinal) && words.All(word => line.Contains(word, StringComparison.Ordinal)))
                .Select(line => line.Trim()),
        ];
        Assert.True(lines.Length > 0, $"docs/operations.md has no command with {string.Join(", ", words)} in its section {section}");
        return lines;
    }

    /// <summary>Runs commands in a folder, and expects that they succeed.</summary>
    public static async Task RunAsync(IReadOnlyList<string> commands, string folder, IReadOnlyDictionary<string, string> environment)
    {
        // docker compose exec -T SERVICE COMMAND…: the command, here.
        const string docker = "docker() { shift 2; while [[ $1 == -* ]]; do shift; done; shift; \"$@\"; }";
        var start = new ProcessStartInfo("bash", ["-euc", string.Join('\n', [docker, .. commands])])
        {
            WorkingDirectory = folder,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = await process.StandardError.ReadToEndAsync(Deployment.Token);
        await process.WaitForExitAsync(Deployment.Token);
        Assert.True(process.ExitCode == 0, $"{string.Join('\n', commands)}\n{error}");
    }
}
