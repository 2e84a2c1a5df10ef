using System.Collections;
using Ampora.Git;
using Ampora.Store.Snapshots;

namespace Ampora.Sweeper;

/// <summary>A fetched tree as a manifest has it. Each entry is made when it is looked at, so that a large tree is not in memory twice.</summary>
internal sealed class FetchedEntries(IReadOnlyList<TreeEntry> entries) : IReadOnlyList<ManifestEntry>
{
    public int Count => entries.Count;

    public ManifestEntry this[int index] => Of(entries[index]);

    public IEnumerator<ManifestEntry> GetEnumerator()
    {
        foreach (var entry in entries)
            yield return Of(entry);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static ManifestEntry Of(TreeEntry entry) => new(entry.Path, entry.Mode, entry.ObjectId, entry.Size);
}
