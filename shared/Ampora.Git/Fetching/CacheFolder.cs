namespace Ampora.Git.Fetching;

/// <summary>The folder of all caches. Caches that nobody has used for long go, since their sources are gone or changed.</summary>
internal sealed class CacheFolder(string path, TimeProvider time)
{
    private const string ScratchSuffix = ".scratch";

    // A source that is checked at all moves its tip within that time, or costs one whole fetch when it does.
    private static readonly TimeSpan Unused = TimeSpan.FromDays(14);

    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(2);

    private static readonly TimeSpan PruneInterval = TimeSpan.FromHours(1);

    private long _nextPrune;

    public string Path => path;

    /// <summary>Names a throw-away repository.</summary>
    public string NewScratch(string cacheKey) => System.IO.Path.Combine(path, $"{cacheKey}-{Guid.NewGuid():n}{ScratchSuffix}");

    /// <summary>Deletes a folder, if it is there.</summary>
    public static void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is found again by the next pruning.
        }
    }

    /// <summary>Deletes what nobody uses, once in a while.</summary>
    public void Prune()
    {
        var now = time.GetUtcNow();
        var next = Interlocked.Read(ref _nextPrune);
        if (now.UtcTicks < next || Interlocked.CompareExchange(ref _nextPrune, (now + PruneInterval).UtcTicks, next) != next || !Directory.Exists(path))
            return;
        foreach (var scratch in Directory.EnumerateDirectories(path, "*" + ScratchSuffix))
        {
            if (now - Directory.GetLastWriteTimeUtc(scratch) > Abandoned)
                Delete(scratch);
        }

        foreach (var lockFile in Directory.EnumerateFiles(path, "*.lock"))
        {
            if (now - File.GetLastWriteTimeUtc(lockFile) > Unused)
                PruneCache(lockFile);
        }
    }

    private static void PruneCache(string lockFile)
    {
        try
        {
            // The lock file itself stays: another process may be about to take it.
            using var alone = new FileStream(lockFile, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            Delete(System.IO.Path.ChangeExtension(lockFile, ".git"));
        }
        catch (IOException)
        {
            // In use after all.
        }
    }
}
