using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ampora.Git.Fetching;

/// <summary>
/// A running git: an argument list and never a shell, an environment of its own with nobody's configuration, and a process group of its
/// own, so that its helpers die with it. Whoever starts one disposes it, and none outlives that.
/// </summary>
internal sealed class GitProcess : IAsyncDisposable
{
    // What a person reads of an error; git and the Git host may say any amount.
    private const int MaxErrorBytes = 4096;

    private static readonly string? SessionProgram = Find("setsid");

    private readonly Process _process;
    private readonly Task<string> _errors;

    private GitProcess(Process process)
    {
        _process = process;
        _errors = ReadErrorsAsync(process.StandardError.BaseStream);
    }

    public Stream Input => _process.StandardInput.BaseStream;

    public Stream Output => _process.StandardOutput.BaseStream;

    public int Id => _process.Id;

    /// <summary>Starts git.</summary>
    /// <param name="repository">The bare repository that it works on.</param>
    /// <param name="arguments">Its arguments: other users of the machine can read them.</param>
    /// <param name="settings">Its configuration, which goes by the environment: only this user can read that.</param>
    /// <param name="allocationLimit">Bytes that it may take for one object or list.</param>
    public static GitProcess Start(
        string repository, IReadOnlyList<string> arguments, IEnumerable<(string Name, string Value)> settings, long allocationLimit)
    {
        var start = new ProcessStartInfo(SessionProgram ?? "git")
        {
            WorkingDirectory = repository,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (SessionProgram is not null)
            start.ArgumentList.Add("git");
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        SetEnvironment(start.Environment, repository, allocationLimit, settings);
        try
        {
            return new GitProcess(Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            throw Missing(e);
        }
    }

    /// <summary>Runs git to its end.</summary>
    /// <returns>Its exit code, and what it said on standard error, cut to a readable length.</returns>
    public static async Task<(int ExitCode, string Errors)> RunAsync(
        string repository, IReadOnlyList<string> arguments, IEnumerable<(string Name, string Value)> settings, long allocationLimit, CancellationToken cancellationToken)
    {
        await using var git = Start(repository, arguments, settings, allocationLimit);
        git.Input.Close();
        await git.Output.CopyToAsync(Stream.Null, cancellationToken);
        return await git.EndAsync(cancellationToken);
    }

    /// <summary>Waits for the end.</summary>
    public async Task<(int ExitCode, string Errors)> EndAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        var errors = await _errors.WaitAsync(cancellationToken);
        // setsid's way to say that there is no such program.
        return _process.ExitCode == 127 ? throw Missing(null) : (_process.ExitCode, errors);
    }

    /// <summary>Kills it and all that it has started, if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        // After a failure too: what git has started for itself may not have noticed yet.
        if (!_process.HasExited || _process.ExitCode != 0)
            KillGroup();
        // A killed process ends at once; and what read its pipes must not outlive them.
        await _process.WaitForExitAsync(CancellationToken.None);
        await _errors;
        _process.Dispose();
    }

    private void KillGroup()
    {
        const int sigkill = 9;
        // Between fork and setsid there is no such group yet, nor any helper.
        if ((SessionProgram is null || Kill(-_process.Id, sigkill) != 0) && !_process.HasExited)
            _process.Kill(entireProcessTree: true);
    }

    private static async Task<string> ReadErrorsAsync(Stream stream)
    {
        var kept = new byte[MaxErrorBytes];
        var length = 0;
        var buffer = new byte[4096];
        try
        {
            int count;
            while ((count = await stream.ReadAsync(buffer)) > 0)
            {
                var room = Math.Min(count, kept.Length - length);
                buffer.AsSpan(0, room).CopyTo(kept.AsSpan(length));
                length += room;
            }
        }
        catch (IOException)
        {
            // Killed; what it said until then will do.
        }

        return Encoding.UTF8.GetString(kept, 0, length).Trim();
    }

    private static void SetEnvironment(
        IDictionary<string, string?> environment, string repository, long allocationLimit, IEnumerable<(string Name, string Value)> settings)
    {
        var path = Environment.GetEnvironmentVariable("PATH");
        environment.Clear();
        environment["PATH"] = path;
        environment["HOME"] = repository;
        environment["LC_ALL"] = "C";
        environment["GIT_DIR"] = repository;
        environment["GIT_CONFIG_NOSYSTEM"] = "1";
        environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        environment["GIT_ATTR_NOSYSTEM"] = "1";
        environment["GIT_TERMINAL_PROMPT"] = "0";
        environment["GIT_ALLOW_PROTOCOL"] = "http";
        // Objects are read as they are: no replacements, and none fetched behind the caller's back.
        environment["GIT_NO_REPLACE_OBJECTS"] = "1";
        environment["GIT_NO_LAZY_FETCH"] = "1";
        // One object, or the table for an absurd number of them, may not take all memory: git gives up beyond this.
        environment["GIT_ALLOC_LIMIT"] = allocationLimit.ToString(CultureInfo.InvariantCulture);
        var count = 0;
        foreach (var (name, value) in settings)
        {
            environment[$"GIT_CONFIG_KEY_{count.ToString(CultureInfo.InvariantCulture)}"] = name;
            environment[$"GIT_CONFIG_VALUE_{count.ToString(CultureInfo.InvariantCulture)}"] = value;
            count++;
        }

        environment["GIT_CONFIG_COUNT"] = count.ToString(CultureInfo.InvariantCulture);
    }

    private static GitException Missing(Exception? cause) => new(
        "fetch_failed", "The git program was not found.", "Install git 2.39 or later where the sweeper runs, in a folder of its PATH.", cause);

    private static string? Find(string program) => OperatingSystem.IsWindows()
        ? null
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processOrGroup, int signal);
}
