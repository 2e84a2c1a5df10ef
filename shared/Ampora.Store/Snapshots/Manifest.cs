namespace Ampora.Store.Snapshots;

/// <summary>A tree, flattened: every entry of every directory, sorted by path bytes.</summary>
/// <param name="Entries">Files, symbolic links, submodules, and directories.</param>
public sealed record Manifest(IReadOnlyList<ManifestEntry> Entries);

/// <summary>One entry of a tree.</summary>
/// <param name="Path">
/// The path from the root with <c>/</c>, as the raw bytes of the tree in Latin-1 (each char is one byte), since Git gives names no encoding.
/// </param>
/// <param name="Mode">The mode exactly as in the tree object, such as <c>100644</c> or <c>40000</c>.</param>
/// <param name="ObjectId">The blob, tree or commit, hexadecimal.</param>
/// <param name="Size">Bytes of a blob; null for directories and submodules.</param>
public sealed record ManifestEntry(string Path, string Mode, string ObjectId, long? Size)
{
    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => Mode is "40000" or "040000";

    /// <summary>Whether it is a submodule, of which only the commit's id is known.</summary>
    public bool IsSubmodule => Mode is "160000";
}
