using System.Globalization;
using System.Text.RegularExpressions;

namespace Ampora.Git.Fetching;

/// <summary>
/// A bare repository that keeps the last tip's objects, so that the next fetch transfers only what is new. It may vanish at any time. One
/// user at a time holds its lock, over all processes that share the folder.
/// </summary>
internal sealed partial class GitCache : IDisposable
{
    /// <summary>The ref of the last fetched commit: what git tells the host that it has.</summary>
    public const string TipRef = "refs/ampora/tip";

    // Each fetch adds a pack, and each lookup asks them all.
    private const int MaxPacks = 32;

    // A shallow commit is a line for each fetch, and all of them are sent with each request.
    private const int MaxShallowLines = 64;

    // Old objects are kept until the cache is made anew, which costs one whole fetch.
    private const long SpareBytes = 256L * 1024 * 1024;

    private const int GrowthFactor = 3;

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(20);

    private readonly FileStream _lock;
    private readonly string _objectFormat;

    private GitCache(string path, string objectFormat, FileStream fileLock)
    {
        Path = path;
        _objectFormat = objectFormat;
        _lock = fileLock;
    }

    /// <summary>The bare repository.</summary>
    public string Path { get; }

    /// <summary>Whether nothing was in it when it was opened: then what is wrong now is not old damage.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Opens a cache, alone; made, when it is missing or not as it should be.</summary>
    public static async Task<GitCache> OpenAsync(string folder, string key, string objectFormat, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!KeyPattern().IsMatch(key))
            throw new ArgumentException("A cache's name has letters, digits and dashes only.", nameof(key));
        Directory.CreateDirectory(folder);
        var fileLock = await LockAsync(System.IO.Path.Combine(folder, key + ".lock"), cancellationToken);
        try
        {
            // The lock's time tells when the cache was last used.
            File.SetLastWriteTimeUtc(fileLock.SafeFileHandle, time.GetUtcNow().UtcDateTime);
            var cache = new GitCache(System.IO.Path.Combine(folder, key + ".git"), objectFormat, fileLock);
            if (!cache.TryPrepare())
                cache.Reset();
            return cache;
        }
        catch
        {
            await fileLock.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes an empty bare repository; it takes four files, and no process.</summary>
    public static void Make(string path, string objectFormat)
    {
        Directory.CreateDirectory(System.IO.Path.Combine(path, "objects", "pack"));
        Directory.CreateDirectory(System.IO.Path.Combine(path, "refs", "ampora"));
        File.WriteAllText(System.IO.Path.Combine(path, "config"), Config(objectFormat));
        File.WriteAllText(System.IO.Path.Combine(path, "HEAD"), "ref: refs/heads/none\n");
    }

    /// <summary>The whole configuration of a repository here.</summary>
    public static string Config(string objectFormat) => objectFormat == "sha1"
        ? "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
        : $"[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = {objectFormat}\n";

    /// <summary>The last fetched commit, or null.</summary>
    public string? ReadTip()
    {
        var file = new FileInfo(System.IO.Path.Combine(Path, TipRef));
        return file.Exists ? File.ReadAllText(file.FullName).Trim() : null;
    }

    /// <summary>Empties the cache.</summary>
    public void Reset()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
        Make(Path, _objectFormat);
        IsNew = true;
    }

    /// <summary>Removes what a fetch that failed has left, which may be a gigabyte.</summary>
    public void TidyAfterFailure()
    {
        try
        {
            RemoveLeftovers();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next one who opens it tries again.
        }
    }

    /// <summary>Notes how large the cache is after its first fetch, so that growth can be told.</summary>
    public void NoteFirstFetch() =>
        File.WriteAllText(SizeFile, Measure().Bytes.ToString(CultureInfo.InvariantCulture));

    /// <summary>Whether there are so many packs that they should be made into one.</summary>
    public bool WantsRepack => Measure().Packs > MaxPacks;

    /// <summary>Whether old objects have outgrown what a fresh fetch would cost.</summary>
    public bool IsOvergrown
    {
        get
        {
            _ = long.TryParse(File.Exists(SizeFile) ? File.ReadAllText(SizeFile) : "", NumberStyles.None, CultureInfo.InvariantCulture, out var first);
            return Measure().Bytes > (GrowthFactor * first) + SpareBytes;
        }
    }

    private string SizeFile => System.IO.Path.Combine(Path, "ampora-first-size");

    public void Dispose() => _lock.Dispose();

    private static async Task<FileStream> LockAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                // An exclusive lock (flock) that the system takes back from a process that dies.
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                await Task.Delay(LockPause, cancellationToken);
            }
        }
    }

    private bool TryPrepare()
    {
        try
        {
            if (!File.Exists(System.IO.Path.Combine(Path, "HEAD")) || File.ReadAllText(System.IO.Path.Combine(Path, "config")) != Config(_objectFormat))
                return false;
            RemoveLeftovers();
            TrimShallow();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Something is missing or in the way.
            return false;
        }
    }

    // Whoever was killed or gave up here left these; nobody else is here now.
    private void RemoveLeftovers()
    {
        foreach (var left in Directory.EnumerateFiles(Path, "*.lock")
            .Concat(Directory.EnumerateFiles(System.IO.Path.Combine(Path, "refs", "ampora"), "*.lock"))
            .Concat(Directory.EnumerateFiles(System.IO.Path.Combine(Path, "objects", "pack"), "tmp_*"))
            .Concat(Directory.EnumerateFiles(System.IO.Path.Combine(Path, "objects", "pack"), "*.keep")))
            File.Delete(left);
    }

    // Only the tip's line matters: no ref leads to the older commits any more.
    private void TrimShallow()
    {
        var file = System.IO.Path.Combine(Path, "shallow");
        if (!File.Exists(file))
            return;
        var lines = File.ReadAllLines(file);
        var tip = ReadTip();
        if (lines.Length > MaxShallowLines && lines.Contains(tip))
            File.WriteAllText(file, tip + "\n");
    }

    private (int Packs, long Bytes) Measure()
    {
        var (packs, bytes) = (0, 0L);
        foreach (var file in new DirectoryInfo(System.IO.Path.Combine(Path, "objects", "pack")).EnumerateFiles("*.pack"))
        {
            packs++;
            bytes += file.Length;
        }

        return (packs, bytes);
    }

    [GeneratedRegex("^[A-Za-z0-9-]{1,200}$")]
    private static partial Regex KeyPattern();
}
