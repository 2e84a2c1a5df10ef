using System.Globalization;

namespace Ampora.Deployments;

/// <summary>Watches a process and all its descendants, every 25 ms, for as long as it is told to.</summary>
public sealed class ProcessTree : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    private readonly int _root;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _watching;
    private long _peak;

    public ProcessTree(int root)
    {
        _root = root;
        _watching = WatchAsync();
    }

    /// <summary>The most that they had in memory together since the last question.</summary>
    public long TakePeak() => Interlocked.Exchange(ref _peak, 0);

    /// <summary>The commands of the descendants that run now, and of all that work in a folder: one whose parent is dead is nobody's descendant.</summary>
    public IReadOnlyList<string> Left(string folder) =>
        [.. Members().Where(id => id != _root).Concat(All().Where(id => WorksIn(id, folder))).Distinct().Select(CommandOf).Where(command => command.Length > 0)];

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        _stopping.Dispose();
    }

    private async Task WatchAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            var own = CommandOf(_root);
            // A child that has not yet become its program still shows the memory of its parent as its own.
            var sum = Members().Where(id => id == _root || CommandOf(id) != own).Sum(ResidentBytes);
            if (sum > Volatile.Read(ref _peak))
                Volatile.Write(ref _peak, sum);
            try
            {
                await Task.Delay(Interval, _stopping.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private List<int> Members()
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var id in All())
        {
            if (Read(id, "stat") is not { } stat)
                continue;
            // The name, in brackets, may hold anything; state and parent follow it.
            var parent = int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
            if (!children.TryGetValue(parent, out var siblings))
                children[parent] = siblings = [];
            siblings.Add(id);
        }

        List<int> members = [_root];
        for (var i = 0; i < members.Count; i++)
            members.AddRange(children.GetValueOrDefault(members[i], []));
        return members;
    }

    private static IEnumerable<int> All() => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0);

    private static bool WorksIn(int id, string folder)
    {
        try
        {
            return new FileInfo($"/proc/{id}/cwd").LinkTarget?.StartsWith(folder, StringComparison.Ordinal) == true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile.
            return false;
        }
    }

    private static long ResidentBytes(int id) =>
        Read(id, "statm") is { } statm ? long.Parse(statm.Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize : 0;

    private static string CommandOf(int id) => Read(id, "cmdline")?.Replace('\0', ' ').Trim() ?? "";

    private static string? Read(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone meanwhile.
            return null;
        }
    }
}
