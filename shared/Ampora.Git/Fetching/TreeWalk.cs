using System.Text;

namespace Ampora.Git.Fetching;

/// <summary>Reads every entry of a tree. Names are data: they are never a path of the file system.</summary>
internal static class TreeWalk
{
    // A directory of a million entries has about forty bytes for each.
    private const long MaxDirectoryBytes = 128 * 1024 * 1024;

    private enum Kind
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
            var (path, entry) = found[i];
            entries[i] = new TreeEntry(path, entry.Mode, entry.Id, entry.Kind == Kind.File ? sizes[entry.Id] : null);
        }

        Array.Sort(entries, static (a, b) => string.CompareOrdinal(a.Path, b.Path));
        return entries;
    }

    // Level by level, so that each level costs one round of questions, and a directory that occurs twice is read once.
    private static async Task<List<(string Path, Entry Entry)>> ReadTreesAsync(
        ObjectReader objects, string treeId, GitLimits limits, CancellationToken cancellationToken)
    {
        var found = new List<(string Path, Entry Entry)>();
        var read = new Dictionary<string, Entry[]>(StringComparer.Ordinal);
        List<(string Prefix, string Id)> level = [("", treeId)];
        for (var depth = 0; level.Count > 0; depth++)
        {
            if (depth > limits.TreeDepth)
                throw Exceeded($"Directories are nested deeper than {limits.TreeDepth}", nameof(GitLimits.TreeDepth));
            foreach (var ids in level.Select(directory => directory.Id).Where(id => !read.ContainsKey(id)).Distinct().ToList().Chunk(ObjectReader.MaxRequests))
            {
                await objects.AskAsync("contents", ids, cancellationToken);
                foreach (var id in ids)
                    read[id] = Parse(await objects.ReadObjectAsync("tree", MaxDirectoryBytes, cancellationToken), id.Length / 2);
            }

            var next = new List<(string Prefix, string Id)>();
            foreach (var (prefix, id) in level)
            {
                foreach (var entry in read[id])
                {
                    var path = prefix + entry.Name;
                    if (path.Length > limits.PathBytes)
                        throw Exceeded($"A path is longer than {limits.PathBytes} bytes", nameof(GitLimits.PathBytes));
                    if (found.Count >= limits.TreeEntries)
                        throw Exceeded($"The tree has more than {limits.TreeEntries} files and directories", nameof(GitLimits.TreeEntries));
                    found.Add((path, entry));
                    if (entry.Kind == Kind.Directory)
                        next.Add((path + "/", entry.Id));
                }
            }

            level = next;
        }

        return found;
    }

    private static async Task<Dictionary<string, long>> ReadSizesAsync(
        ObjectReader objects, List<(string Path, Entry Entry)> found, GitLimits limits, CancellationToken cancellationToken)
    {
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        var total = 0L;
        foreach (var ids in found.Where(f => f.Entry.Kind == Kind.File).Select(f => f.Entry.Id).Distinct().ToList().Chunk(ObjectReader.MaxRequests))
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

    // "mode SP name NUL id", again and again.
    private static Entry[] Parse(byte[] tree, int idBytes)
    {
        var entries = new List<Entry>();
        var rest = tree.AsSpan();
        while (rest.Length > 0)
        {
            var space = rest.IndexOf((byte)' ');
            var zero = rest.IndexOf((byte)0);
            if (space is < 1 or > 7 || zero < space + 2 || rest.Length < zero + 1 + idBytes)
                throw new GitException("fetch_failed", "A directory of the repository cannot be read.", "Check the repository with `git fsck`.");
            var mode = Encoding.Latin1.GetString(rest[..space]);
            entries.Add(new Entry(
                mode,
                Encoding.Latin1.GetString(rest[(space + 1)..zero]),
                Convert.ToHexStringLower(rest.Slice(zero + 1, idBytes)),
                KindOf(mode)));
            rest = rest[(zero + 1 + idBytes)..];
        }

        return [.. entries];
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

    private readonly record struct Entry(string Mode, string Name, string Id, Kind Kind);
}
