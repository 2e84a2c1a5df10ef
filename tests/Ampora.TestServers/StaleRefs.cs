namespace Ampora.TestServers;

/// <summary>A repository as it was, which answers a number of listings in place of the real one.</summary>
internal sealed class StaleRefs : IDisposable
{
    private int _left;

    private StaleRefs(string folder, int listings)
    {
        FolderPath = folder;
        _left = listings;
    }

    public string FolderPath { get; }

    public static async Task<StaleRefs> TakeAsync(string repository, int listings)
    {
        var folder = Directory.CreateTempSubdirectory("ampora-stale-").FullName;
        await GitProgram.RunAsync(null, ["clone", "--quiet", "--mirror", repository, folder], null, default);
        return new StaleRefs(folder, listings);
    }

    /// <summary>Takes one of the listings; false when none is left.</summary>
    public bool TryList() => Interlocked.Decrement(ref _left) >= 0;

    public void Dispose() => Directory.Delete(FolderPath, recursive: true);
}
