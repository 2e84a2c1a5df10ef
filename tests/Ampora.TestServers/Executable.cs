namespace Ampora.TestServers;

/// <summary>Writes scripts, such as hooks.</summary>
public static class Executable
{
    /// <summary>Writes a script that its owner may run.</summary>
    public static async Task WriteAsync(string path, string script, CancellationToken cancellationToken)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("Hooks are shell scripts.");
        await File.WriteAllTextAsync(path, script, cancellationToken);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
