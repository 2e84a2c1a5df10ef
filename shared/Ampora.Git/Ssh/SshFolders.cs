using System.Text;

namespace Ampora.Git.Ssh;

/// <summary>
/// Where keys lie while OpenSSH needs them as files: in memory (<c>/dev/shm</c>) where that can be written, else under the cache folder; readable for this
/// user alone, and each removed after its use. What a killed process left is removed by the next one that starts.
/// </summary>
internal sealed class SshFolders : IDisposable
{
    /// <summary>A file system in memory, which every Linux has.</summary>
    public const string Memory = "/dev/shm";

    private const string Prefix = "ampora-ssh-";

    // Made, but not locked yet: nothing is in it.
    private const string Unlocked = "new-";

    private const string LockFile = "lock";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly IReadOnlyList<string> _places;
    private readonly Lock _making = new();
    private (string Path, FileStream Lock)? _root;
    private string? _askPass;

    /// <param name="places">Where they may be, best first; the last one is on a disk, and scripts in it can be run.</param>
    public SshFolders(IReadOnlyList<string> places)
    {
        _places = places;
        foreach (var place in places)
            RemoveLeftovers(place);
    }

    /// <summary>Makes a folder for one use; whoever asks removes it.</summary>
    public string Make()
    {
        lock (_making)
        {
            _root ??= _places.Select(MakeRoot).FirstOrDefault(root => root is not null) ?? throw new IOException($"Nothing can be written to {string.Join(" or ", _places)}.");
            var folder = Path.Combine(_root.Value.Path, Guid.NewGuid().ToString("n"));
            MakePrivate(folder);
            return folder;
        }
    }

    /// <summary>
    /// The script that OpenSSH runs to be told a passphrase: it prints the file that <see cref="SshLink.PassphraseVariable"/> names. It lies in the cache folder,
    /// since containers let nothing in <c>/dev/shm</c> be run, and there is no secret in it.
    /// </summary>
    public string AskPass()
    {
        lock (_making)
        {
            if (_askPass is not null && File.Exists(_askPass))
                return _askPass;
            Directory.CreateDirectory(_places[^1]);
            var (made, path) = (Path.Combine(_places[^1], $"ssh-askpass-{Guid.NewGuid():n}"), Path.Combine(_places[^1], "ssh-askpass"));
            WritePrivate(made, $"#!/bin/sh\nexec cat -- \"${SshLink.PassphraseVariable}\"\n", executable: true);
            File.Move(made, path, overwrite: true);
            return _askPass = path;
        }
    }

    public void Dispose()
    {
        if (_root is not { } root)
            return;
        Remove(root.Path);
        root.Lock.Dispose();
        _root = null;
    }

    /// <summary>Writes a new file that this user alone can read.</summary>
    public static void WritePrivate(string path, string text, bool executable = false)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = executable ? Private : Private & ~UnixFileMode.UserExecute;
        using var file = new FileStream(path, options);
        file.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Removes a folder with all that is in it.</summary>
    public static void Remove(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is found again when a process starts.
        }
    }

    private static void RemoveLeftovers(string place)
    {
        if (!Directory.Exists(place))
            return;
        foreach (var folder in new DirectoryInfo(place).EnumerateDirectories(Prefix + "*").Where(folder => folder.LinkTarget is null && !folder.Name.StartsWith(Prefix + Unlocked, StringComparison.Ordinal)))
        {
            try
            {
                // Whoever lives holds its lock.
                using (new FileStream(Path.Combine(folder.FullName, LockFile), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    folder.Delete(recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // In use, or another user's.
            }
        }
    }

    private static (string Path, FileStream Lock)? MakeRoot(string place)
    {
        var (made, path) = (Path.Combine(place, $"{Prefix}{Unlocked}{Guid.NewGuid():n}"), Path.Combine(place, $"{Prefix}{Guid.NewGuid():n}"));
        FileStream? held = null;
        try
        {
            MakePrivate(made);
            held = new FileStream(Path.Combine(made, LockFile), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
            Directory.Move(made, path);
            return (path, held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there, not ours or full: the next place.
            held?.Dispose();
            Remove(made);
            return null;
        }
    }

    private static void MakePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, Private);
    }
}
