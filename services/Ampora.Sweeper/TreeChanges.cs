using System.Text;
using Ampora.Contracts;
using Ampora.Git.Filtering;
using Ampora.Store.Snapshots;

namespace Ampora.Sweeper;

/// <summary>
/// Which paths differ between two trees, of those that the source includes. Files, symbolic links and submodules count; directories are only the way to them.
/// </summary>
/// <param name="Changes">The paths in path order, at most <see cref="MaxListed"/>.</param>
/// <param name="Truncated">Whether the list was cut, or nobody can say what changed.</param>
/// <param name="Counts">How many there are, uncut.</param>
internal sealed record TreeChanges(IReadOnlyList<PathChange> Changes, bool Truncated, ChangeCounts Counts)
{
    /// <summary>A list that a person or a webhook's receiver can still use; a first sync of a large repository has more.</summary>
    public const int MaxListed = 10_000;

    // Names are UTF-8 nearly always; what is not stays as the bytes it is, each one character.
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>What is said when the tree before is not there to compare with: an invented answer would be worse than none.</summary>
    public static TreeChanges Unknown { get; } = new([], Truncated: true, ChangeCounts.None);

    /// <summary>Whether it is certain that no path differs that the source includes.</summary>
    public bool IsEmpty => !Truncated && Counts == ChangeCounts.None;

    /// <summary>Compares two trees by path: another mode or object id is a modification. Each tree is looked through once, in its order.</summary>
    /// <param name="before">The known tip's tree; null when there is none.</param>
    /// <param name="after">The new tip's tree.</param>
    /// <param name="filter">Which paths count.</param>
    /// <param name="cancellationToken">Ends the comparison: two trees and a filter at their limits take a while.</param>
    public static TreeChanges Between(
        IEnumerable<ManifestEntry>? before, IEnumerable<ManifestEntry> after, PathFilter filter, CancellationToken cancellationToken)
    {
        var list = new Listing(filter);
        using var old = (before ?? []).GetEnumerator();
        using var fresh = after.GetEnumerator();
        var (hasOld, hasFresh) = (old.MoveNext(), fresh.MoveNext());
        while (hasOld || hasFresh)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var order = !hasOld ? 1 : !hasFresh ? -1 : string.CompareOrdinal(old.Current.Path, fresh.Current.Path);
            if (order < 0)
                list.Add(old.Current, "removed");
            else if (order > 0)
                list.Add(fresh.Current, "added");
            else
                Compare(old.Current, fresh.Current, list);
            if (order <= 0)
                hasOld = old.MoveNext();
            if (order >= 0)
                hasFresh = fresh.MoveNext();
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

    private static void Compare(ManifestEntry old, ManifestEntry fresh, Listing list)
    {
        if (old.IsDirectory && fresh.IsDirectory)
            return;
        if (old.IsDirectory || fresh.IsDirectory)
        {
            // A file in the place of a directory: the directory's files are entries of their own.
            list.Add(old, "removed");
            list.Add(fresh, "added");
        }
        else if (old.Mode != fresh.Mode || old.ObjectId != fresh.ObjectId)
        {
            list.Add(fresh, "modified");
        }
    }

    private sealed class Listing(PathFilter filter)
    {
        public List<PathChange> Changes { get; } = [];

        public int Added { get; private set; }

        public int Modified { get; private set; }

        public int Removed { get; private set; }

        public int Total => Added + Modified + Removed;

        public void Add(ManifestEntry entry, string change)
        {
            // A submodule is a directory for git, which patterns that end with a slash are about.
            if (entry.IsDirectory || !filter.Includes(entry.Path, isDirectory: entry.IsSubmodule))
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
