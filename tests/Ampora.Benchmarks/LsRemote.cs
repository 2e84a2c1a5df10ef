using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Ampora.Benchmarks;

/// <summary>The program that a tip check stands in for.</summary>
internal static class LsRemote
{
    private const int Children = -1;

    /// <summary>Runs <c>git ls-remote URL refs/heads/main</c> to its end.</summary>
    /// <returns>The commit that it printed.</returns>
    public static async Task<string> RunAsync(string url)
    {
        var start = new ProcessStartInfo("git", ["ls-remote", url, "refs/heads/main"]) { RedirectStandardOutput = true };
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output.Split('\t')[0] : throw new InvalidOperationException($"git ls-remote ended with {process.ExitCode}.");
    }

    /// <summary>The CPU time of all children that have ended, and of theirs.</summary>
    public static TimeSpan ChildrenCpu()
    {
        // struct rusage begins with two struct timeval, user and system; what follows is not needed.
        var usage = new long[32];
        if (GetResourceUsage(Children, usage) != 0)
            throw new InvalidOperationException("getrusage failed.");
        return TimeSpan.FromSeconds(usage[0] + usage[2]) + TimeSpan.FromMicroseconds(usage[1] + usage[3]);
    }

    [DllImport("libc", EntryPoint = "getrusage", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetResourceUsage(int who, [Out] long[] usage);
}
