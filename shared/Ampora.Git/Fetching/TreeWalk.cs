using System.Text;

namespace Ampora.Git.Fetching;

/// <summary>
/// Reads every entry of a tree. Names are data: they are never a path of the file system. What it costs is what the entries cost, which have
/// their limits; it is given up at the first that is too many.
/// </summary>
internal static class TreeWalk
{
    private enum Kind : byte
    {
        File,
        Directory,
        Submodule,
    }

    /// <summary>Reads all entries below a tree, with the sizes of the blobs, sorted by the bytes of their paths.</summary>
    public static async Task<IReadOnlyList<TreeEntry>> ReadAsync(ObjectReader objects, string treeId, GitLimits limits, CancellationToken cancellationToken)
    {
        var found = await ReadTreesAsync(objects, treeId, limits, cancellationToken);
        var sizes = await ReadSizesAsync(objects, found, limits, cancellationToken);
        var entries = new TreeEntry[found.Count];
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = found[i];
            entries[i] = new TreeEntry(entry.Path, entry.Mode, entry.Id, entry.Kind == Kind.File ? sizes[entry.Id] : null);
        }

        Array.Sort(entries, static (a, b) => string.CompareOrdinal(a.Path, b.Path));
        return entries;
    }

    internal static GitException PathTooLong(int limit) => Exceeded($"A path is longer than {limit} bytes", nameof(GitLimits.PathBytes));

    // Level by level, so that each level costs one round of questions, and a directory that occurs twice in it is read once.
    private static async Task<List<Entry>> ReadTreesAsync(ObjectReader objects, string treeId, GitLimits limits, CancellationToken cancellationToken)
    {
        var found = new Found(limits);
        var level = Enumerable.Repeat("", 1).ToLookup(_ => treeId, StringComparer.Ordinal);
        for (var depth = 0; level.Count > 0; depth++)
        {
            if (depth > limits.TreeDepth)
                throw Exceeded($"Directories are nested deeper than {limits.TreeDepth}", nameof(GitLimits.TreeDepth));
            var start = found.Entries.Count;
            foreach (var directories in level.Chunk(ObjectReader.MaxRequests))
            {
                await objects.AskAsync("contents", directories.Select(directory => directory.Key), cancellationToken);
                foreach (var directory in directories)
                    await ReadDirectoryAsync(objects, directory, found, limits, cancellationToken);
            }

            level = found.Entries.Skip(start).Where(entry => entry.Kind == Kind.Directory)
                .ToLookup(entry => entry.Id, entry => entry.Path + "/", StringComparer.Ordinal);
        }

        return found.Entries;
    }

    private static async Task ReadDirectoryAsync(
        ObjectReader objects, IGrouping<string, string> directory, Found found, GitLimits limits, CancellationToken cancellationToken)
    {
        if (await objects.ReadHeaderAsync(cancellationToken) is not { } header)
            throw new CacheBrokenException("A tree is missing.");
        if (header.Type != "tree")
            throw new GitException("fetch_failed", $"The object {header.Id} is a {header.Type}, not a tree.", "Check the repository with `git fsck`.");
        await using var content = objects.OpenContent(header);
        var first = directory.First();
        var start = found.Entries.Count;
        await DirectoryText.ReadAsync(
            content,
            header.Id.Length / 2,
            limits.PathBytes,
            (mode, name, id) => found.Add(first, Encoding.Latin1.GetString(name), Encoding.Latin1.GetString(mode), Convert.ToHexStringLower(id)),
            cancellationToken);
        await content.FinishAsync(cancellationToken);

        // The same directory elsewhere: the same names below other paths.
        var end = found.Entries.Count;
        foreach (var prefix in directory.Skip(1))
        {
            for (var i = start; i < end; i++)
            {
                var entry = found.Entries[i];
                found.Add(prefix, entry.Path[first.Length..], entry.Mode, entry.Id);
            }
        }
    }

    private static async Task<Dictionary<string, long>> ReadSizesAsync(
        ObjectReader objects, List<Entry> found, GitLimits limits, CancellationToken cancellationToken)
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        var total = 0L;
        foreach (var ids in found.Where(entry => entry.Kind == Kind.File).Select(entry => entry.Id).Distinct(StringComparer.Ordinal).Chunk(ObjectReader.MaxRequests))
        {
            await objects.AskAsync("info", ids, cancellationToken);
            foreach (var id in ids)
            {
                if (await objects.ReadHeaderAsync(cancellationToken) is not { } header)
                    throw new CacheBrokenException($"The blob {id} is missing.");
                if (header.Type != "blob")
                    throw new GitException("fetch_failed", $"The file {id} of the tree is a {header.Type}.", "Check the repository with `git fsck`.");
                if (header.Size > limits.FileBytes)
                    throw Exceeded($"A file has {header.Size} bytes, more than {limits.FileBytes}", nameof(GitLimits.FileBytes));
                sizes[id] = header.Size;
                total += header.Size;
                if (total > limits.TreeBytes)
                    throw Exceeded($"The files have more than {limits.TreeBytes} bytes together", nameof(GitLimits.TreeBytes));
            }
        }

        return sizes;
    }

    // By the type's bits, whatever the permissions; old repositories write directories with a zero in front.
    private static Kind KindOf(string mode) => mode.TrimStart('0') switch
    {
        "40000" => Kind.Directory,
        "160000" => Kind.Submodule,
        _ => Kind.File,
    };

    private static GitException Exceeded(string what, string limit) => new(
        "limit_exceeded", $"{what}, which is the limit.", $"Follow a smaller repository, or raise Ampora__Git__{limit}.");

    private readonly record struct Entry(string Path, string Mode, string Id, Kind Kind);

    /// <summary>The entries so far, within the limits.</summary>
    private sealed class Found(GitLimits limits)
    {
        // Modes are a handful of texts: kept once each, not once an entry.
        private readonly Dictionary<string, (string Mode, Kind Kind)> _modes = new(StringComparer.Ordinal);
        private long _pathBytes;

        public List<Entry> Entries { get; } = [];

        public void Add(string prefix, string name, string mode, string id)
        {
            if (prefix.Length + name.Length > limits.PathBytes)
                throw PathTooLong(limits.PathBytes);
            if (Entries.Count >= limits.TreeEntries)
                throw Exceeded($"The tree has more than {limits.TreeEntries} files and directories", nameof(GitLimits.TreeEntries));
            _pathBytes += prefix.Length + name.Length;
            if (_pathBytes > limits.TreePathBytes)
                throw Exceeded($"The paths of the tree have more than {limits.TreePathBytes} bytes together", nameof(GitLimits.TreePathBytes));
            if (!_modes.TryGetValue(mode, out var known))
                known = _modes[mode] = (mode, KindOf(mode));
            Entries.Add(new Entry(prefix + name, known.Mode, id, known.Kind));
        }
    }
}
