using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Ampora.Git.Fetching;

/// <summary>
/// A running program: an argument list and never a shell, an environment that holds what it is given alone, a session and so a process group of its own,
/// so that its helpers die with it, and a limit on the memory of each. Whoever starts one disposes it, and none outlives that.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    // What a person reads of an error; the program and the Git host behind it may say any amount.
    private const int MaxErrorBytes = 4096;

    private static readonly string? SessionProgram = Find("setsid");
    private static readonly string? LimitProgram = Find("prlimit");

    private readonly Process _process;
    private readonly Task<string> _errors;

    private ChildProcess(Process process)
    {
        _process = process;
        _errors = ReadErrorsAsync(process.StandardError.BaseStream);
    }

    public Stream Input => _process.StandardInput.BaseStream;

    public Stream Output => _process.StandardOutput.BaseStream;

    public int Id => _process.Id;

    /// <summary>Starts a program of the PATH.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments: other users of the machine can read them.</param>
    /// <param name="folder">Its working directory.</param>
    /// <param name="environment">All that its environment has besides PATH: only this user can read that, but its children inherit it.</param>
    /// <param name="memoryBytes">Bytes that it, and each program that it starts, may have for themselves; without <c>prlimit</c> it is not held to that.</param>
    public static ChildProcess Start(
        string program, IReadOnlyList<string> arguments, string folder, IEnumerable<KeyValuePair<string, string>> environment, long memoryBytes)
    {
        string[] command =
        [
            .. SessionProgram is null ? (string[])[] : [SessionProgram],
            // Dumps of memory may hold what is secret.
            .. LimitProgram is null ? (string[])[] : [LimitProgram, $"--data={memoryBytes.ToString(CultureInfo.InvariantCulture)}", "--core=0"],
            program,
            .. arguments,
        ];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var path = Environment.GetEnvironmentVariable("PATH");
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        try
        {
            return new ChildProcess(Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            throw Missing(program, e);
        }
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code, and what it said on standard error, cut to a readable length.</returns>
    public async Task<(int ExitCode, string Errors)> EndAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        var errors = await _errors.WaitAsync(cancellationToken);
        // setsid's and prlimit's way to say that there is no such program.
        const string cannot = ": failed to execute ";
        return _process.ExitCode == 127 && errors.IndexOf(cannot, StringComparison.Ordinal) is var at and >= 0
            ? throw Missing(errors[(at + cannot.Length)..].Split(':')[0], cause: null)
            : (_process.ExitCode, errors);
    }

    /// <summary>Kills it and all that it has started, if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        // After a failure too: what it has started for itself may not have noticed yet.
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

    private static GitException Missing(string program, Exception? cause) => program == "git"
        ? new GitException("fetch_failed", "The git program was not found.", "Install git 2.39 or later where the sweeper runs, in a folder of its PATH.", cause)
        : new GitException("fetch_failed", $"The program {program} was not found.", "Install OpenSSH's client (openssh-client) where Ampora runs, in a folder of its PATH.", cause);

    private static string? Find(string program) => OperatingSystem.IsWindows()
        ? null
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int processOrGroup, int signal);
}
