using System.Diagnostics;
using Ampora.Deployments;

namespace Ampora.Chaos.Lifecycle;

/// <summary>The release before this one, built once from the repository's history into <c>artifacts/</c>.</summary>
public static class PreviousRelease
{
    /// <summary>The last commit of the release before.</summary>
    public const string Commit = "6afa8ba";

    private static readonly SemaphoreSlim Building = new(1, 1);

    /// <summary>Has a process run the release before, from its next start on.</summary>
    public static async Task UseAsync(ServiceProcess process)
    {
        await Building.WaitAsync(Deployment.Token);
        try
        {
            process.AssemblyFolder = await BuildAsync(process.AssemblyFolder);
        }
        finally
        {
            Building.Release();
        }
    }

    private static async Task<string> BuildAsync(string ofThisRelease)
    {
        var root = RootOf(ofThisRelease);
        var folder = Path.Combine(root, "artifacts", $"previous-{Commit}");
        var relative = Path.GetRelativePath(root, ofThisRelease);
        var output = Path.Combine(folder, relative);
        var project = Path.Combine(folder, relative.Split("/bin/")[0]);
        if (File.Exists(Path.Combine(output, $"{Path.GetFileName(project)}.runtimeconfig.json")))
            return output;
        if (!Directory.Exists(folder))
        {
            if (await RunAsync(root, "git", "cat-file", "-e", $"{Commit}^{{commit}}") is { } missing)
                Assert.Fail($"The release before, {Commit}, is not in this clone: it is shallow, fetch it with 'git fetch --unshallow'. {missing}");
            var unfinished = folder + ".new";
            Directory.CreateDirectory(unfinished);
            if (await RunAsync(root, "bash", "-c", $"set -o pipefail; git archive {Commit} | tar -x -C '{unfinished}'") is { } failed)
                Assert.Fail($"The release before could not be taken out of the history: {failed}");
            Directory.Move(unfinished, folder);
        }

        if (await RunAsync(folder, "dotnet", "build", project, "-c", relative.Split('/')[^2], "-nologo", "-v", "q", "-clp:NoSummary") is { } error)
            Assert.Fail($"The release before does not build: {error}");
        return output;
    }

    private static string RootOf(string folder)
    {
        while (!File.Exists(Path.Combine(folder, "Ampora.sln")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    /// <returns>Null, or what a program that failed had to say.</returns>
    private static async Task<string?> RunAsync(string folder, string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Deployment.Token), process.StandardError.ReadToEndAsync(Deployment.Token));
        await process.WaitForExitAsync(Deployment.Token);
        return process.ExitCode == 0 ? null : $"{await output}{await error}";
    }
}
