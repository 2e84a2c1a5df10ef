using System.Security.Cryptography;
using Ampora.Store.Secrets;

namespace Ampora.Standalone;

/// <summary>The folder that holds all that Standalone keeps. One process at a time has it.</summary>
internal sealed class DataFolder : IDisposable
{
    // EX_CANTCREAT of sysexits.h.
    public const int UnusableExitCode = 73;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _lock;

    private DataFolder(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>The file with the admin token, for scripts on this machine.</summary>
    public string AdminTokenFile => System.IO.Path.Combine(Path, "admin-token");

    /// <summary>Makes the folder if it is missing, and takes it for this process.</summary>
    /// <param name="chosen">As given on the command line or by the setting; null for <c>./.ampora</c>.</param>
    /// <param name="folder">The folder.</param>
    /// <returns>Null, or why it cannot be used and what to do.</returns>
    public static string? TryOpen(string? chosen, out DataFolder? folder)
    {
        folder = null;
        var path = System.IO.Path.GetFullPath(string.IsNullOrEmpty(chosen) ? ".ampora" : chosen);
        var lockPath = System.IO.Path.Combine(path, "lock");
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(path);
            else
                Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
            // The system gives the lock back however the process ends.
            folder = new DataFolder(path, new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            return null;
        }
        catch (IOException) when (File.Exists(lockPath))
        {
            return $"another Ampora is running on {path}: stop it, or give this one a folder of its own with --data";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return $"the data folder {path} cannot be written ({e.Message}): make it writable, or choose another with --data or AMPORA_DATA";
        }
    }

    /// <summary>The connection string of a database file in the folder.</summary>
    public string Database(string name) =>
        new Microsoft.Data.Sqlite.SqliteConnectionStringBuilder { DataSource = System.IO.Path.Combine(Path, name + ".db") }.ToString();

    /// <summary>The key under which secrets are kept; made at the first start.</summary>
    public string MasterKey() => ReadOrMake(System.IO.Path.Combine(Path, "master-key"), () => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))).Text;

    /// <summary>The admin's API token, and whether it was made just now.</summary>
    public (string Text, bool Made) AdminToken() => ReadOrMake(AdminTokenFile, AccessToken.Generate);

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static (string Text, bool Made) ReadOrMake(string path, Func<string> make)
    {
        if (File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } kept)
            return (kept, false);
        // Whole or not at all: half a key would be kept for ever.
        var text = make();
        var unfinished = path + ".new";
        File.Delete(unfinished);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var file = new FileStream(unfinished, options))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(text + "\n"));
            file.Flush(flushToDisk: true);
        }

        File.Move(unfinished, path, overwrite: true);
        return (text, true);
    }
}
