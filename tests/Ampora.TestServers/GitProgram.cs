using System.Diagnostics;
using System.Text;

namespace Ampora.TestServers;

/// <summary>Runs the real <c>git</c> with an environment of its own, so that nobody's configuration changes a test.</summary>
public static class GitProgram
{
    private static readonly Lazy<string> BackendPath =
        new(() => Path.Combine(RunAsync(null, ["--exec-path"], null, default).GetAwaiter().GetResult().Trim(), "git-http-backend"));

    internal static string Backend => BackendPath.Value;

    /// <summary>Runs git to its end.</summary>
    /// <param name="folder">The working directory; null for the temporary one.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">Its standard input; null for none.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <returns>Standard output, one char for each byte (Latin-1).</returns>
    public static async Task<string> RunAsync(string? folder, IEnumerable<string> arguments, byte[]? input, CancellationToken cancellationToken)
    {
        var start = StartInfo("git", folder);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var errors = process.StandardError.ReadToEndAsync(cancellationToken);
            if (input is not null)
                await process.StandardInput.BaseStream.WriteAsync(input, cancellationToken);
            process.StandardInput.Close();
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0
                ? await output
                : throw new InvalidOperationException($"git {string.Join(' ', start.ArgumentList)} exited with {process.ExitCode}: {await errors}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    internal static ProcessStartInfo StartInfo(string file, string? folder)
    {
        var start = new ProcessStartInfo(file)
        {
            WorkingDirectory = folder ?? Path.GetTempPath(),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.Latin1,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        start.Environment["HOME"] = "/nonexistent";
        start.Environment["LC_ALL"] = "C";
        start.Environment["GIT_CONFIG_NOSYSTEM"] = "1";
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        foreach (var who in (string[])["AUTHOR", "COMMITTER"])
        {
            start.Environment[$"GIT_{who}_NAME"] = "Ada Lovelace";
            start.Environment[$"GIT_{who}_EMAIL"] = "ada@example.org";
            start.Environment[$"GIT_{who}_DATE"] = "1700000000 +0000";
        }
        return start;
    }
}
