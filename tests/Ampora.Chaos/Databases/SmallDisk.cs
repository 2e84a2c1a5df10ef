using System.Diagnostics;
using Ampora.Deployments;

namespace Ampora.Chaos.Databases;

/// <summary>A small file system in memory, which a test can fill. It takes the right to mount one.</summary>
public sealed class SmallDisk : IDisposable
{
    private const string BallastName = "ballast";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ampora-disk-");

    /// <summary>Makes one.</summary>
    /// <param name="megabytes">Its size.</param>
    public SmallDisk(int megabytes)
    {
        var complaint = Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m,mode=755", "tmpfs", _folder.FullName);
        if (complaint is null)
            return;
        _folder.Delete();
        Assert.Fail($"A full disk needs a small file system of the test's own, and mounting one failed; run this as root, where mounts are allowed: {complaint}");
    }

    public string Path => _folder.FullName;

    private string Ballast => System.IO.Path.Combine(Path, BallastName);

    /// <summary>Leaves no byte free.</summary>
    public void Fill()
    {
        using var ballast = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        // A page at last, so that nothing smaller fits either.
        foreach (var size in (int[])[1 << 20, 1 << 12])
        {
            try
            {
                while (true)
                    ballast.Write(new byte[size]);
            }
            catch (IOException)
            {
                // Full.
            }
        }
    }

    /// <summary>Gives back what <see cref="Fill"/> took.</summary>
    public void Free() => File.Delete(Ballast);

    /// <summary>Keeps it full for a time: what others give back is taken, too.</summary>
    public async Task KeepFullAsync(TimeSpan time)
    {
        try
        {
            for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time; await Task.Delay(100, Deployment.Token))
                Fill();
        }
        finally
        {
            Free();
        }
    }

    public void Dispose()
    {
        // Whoever still has a file open there keeps it, unseen, to the end.
        Run("umount", "--lazy", Path);
        _folder.Delete();
    }

    private static string? Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var complaint = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : complaint;
    }
}
