using System.Text;
using Ampora.Contracts;
using Ampora.Store.Snapshots;

namespace Ampora.Sweeper;

/// <summary>Which paths differ between two trees. Files, symbolic links and submodules count; directories are only the way to them.</summary>
/// <param name="Changes">The paths in path order, at most <see cref="MaxListed"/>.</param>
/// <param name="Truncated">Whether the list was cut.</param>
/// <param name="Counts">How many there are, uncut.</param>
internal sealed record TreeChanges(IReadOnlyList<PathChange> Changes, bool Truncated, ChangeCounts Counts)
{
    /// <summary>A list that a person or a webhook's receiver can still use; a first sync of a large repository has more.</summary>
    public const int MaxListed = 10_000;

    // Names are UTF-8 nearly always; what is not stays as the bytes it is, each one character.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Compares two trees by path: another mode or object id is a modification.</summary>
    /// <param name="before">The known tip's tree; null when there is none.</param>
    /// <param name="after">The new tip's tree.</param>
    public static TreeChanges Between(Manifest? before, Manifest after)
    {
        var list = new Listing();
        var old = before?.Entries ?? [];
        var fresh = after.Entries;
        // Directories that are the same in both trees. Their content comes later in path order: `a`, `a-b`, `a/b`.
        var same = new HashSet<string>(StringComparer.Ordinal);
        int i = 0, j = 0;
        while (i < old.Count || j < fresh.Count)
        {
            var order = i == old.Count ? 1 : j == fresh.Count ? -1 : string.CompareOrdinal(old[i].Path, fresh[j].Path);
            if (order < 0)
            {
                list.Add(old[i++], "removed");
            }
            else if (order > 0)
            {
                list.Add(fresh[j++], "added");
            }
            else if (same.Count > 0 && FolderOf(old[i].Path) is { } folder && same.Contains(folder))
            {
                // Equal tree ids: the same entries follow on both sides, up to the first path past `folder/…`.
                var end = folder + (char)('/' + 1);
                i = FirstNotBefore(old, i, end);
                j = FirstNotBefore(fresh, j, end);
            }
            else
            {
                Compare(old[i++], fresh[j++], same, list);
            }
        }

        return new TreeChanges(list.Changes, list.Total > list.Changes.Count, new ChangeCounts(list.Added, list.Modified, list.Removed));
    }

    /// <summary>A path as people read it: UTF-8 where it is that.</summary>
    /// <param name="path">A manifest's path, each character one byte.</param>
    public static string Readable(string path)
    {
        try
        {
            return StrictUtf8.GetString(Encoding.Latin1.GetBytes(path));
        }
        catch (DecoderFallbackException)
        {
            return path;
        }
    }

    private static void Compare(ManifestEntry old, ManifestEntry fresh, HashSet<string> same, Listing list)
    {
        var equal = old.Mode == fresh.Mode && old.ObjectId == fresh.ObjectId;
        if (old.IsDirectory && fresh.IsDirectory)
        {
            if (equal)
                same.Add(old.Path);
        }
        else if (old.IsDirectory || fresh.IsDirectory)
        {
            // A file in the place of a directory: the directory's files are entries of their own.
            list.Add(old, "removed");
            list.Add(fresh, "added");
        }
        else if (!equal)
        {
            list.Add(fresh, "modified");
        }
    }

    private static string? FolderOf(string path) => path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : null;

    private static int FirstNotBefore(IReadOnlyList<ManifestEntry> entries, int from, string path)
    {
        var to = entries.Count;
        while (from < to)
        {
            var middle = (from + to) / 2;
            if (string.CompareOrdinal(entries[middle].Path, path) < 0)
                from = middle + 1;
            else
                to = middle;
        }

        return from;
    }

    private sealed class Listing
    {
        public List<PathChange> Changes { get; } = [];

        public int Added { get; private set; }

        public int Modified { get; private set; }

        public int Removed { get; private set; }

        public int Total => Added + Modified + Removed;

        public void Add(ManifestEntry entry, string change)
        {
            if (entry.IsDirectory)
                return;
            _ = change switch
            {
                "added" => Added++,
                "removed" => Removed++,
                _ => Modified++,
            };
            if (Changes.Count < MaxListed)
                Changes.Add(new PathChange(Readable(entry.Path), change));
        }
    }
}
