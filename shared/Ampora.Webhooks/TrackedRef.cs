namespace Ampora.Webhooks;

/// <summary>The refs that a source's ref may stand for.</summary>
internal sealed class TrackedRef
{
    private const string Heads = "heads/";
    private const string Tags = "tags/";
    private const string Full = "refs/";

    private readonly Func<RefChange, bool>[] _meanings;

    private TrackedRef(bool isOneRef, params Func<RefChange, bool>[] meanings) => (IsOneRef, _meanings) = (isOneRef, meanings);

    /// <summary>Whether the ref's tip is what moved, and not the best of several.</summary>
    public bool IsOneRef { get; }

    /// <summary>Reads what a source follows.</summary>
    /// <param name="name"><c>HEAD</c>, <c>main</c>, <c>refs/heads/main</c>, <c>tags/v1.*</c> or a commit.</param>
    /// <param name="defaultBranch">What <c>HEAD</c> stands for, if the payload says.</param>
    public static TrackedRef Of(string name, string? defaultBranch)
    {
        if (name == "HEAD")
            return defaultBranch is null ? new TrackedRef(false, change => change.Kind == RefKind.Branch) : new TrackedRef(true, Exactly(RefKind.Branch, defaultBranch));
        if (RefNames.IsObjectId(name))
            return new TrackedRef(true, change => Names(change, name), Exactly(RefKind.Branch, name), Exactly(RefKind.Tag, name));
        if (name.Contains('*', StringComparison.Ordinal))
            return new TrackedRef(false, Pattern(name));

        // The order is Git's own, best first: a short name is a branch before it is a tag.
        return Relative(name, Full) switch
        {
            { } path when Relative(path, Heads) is { } branch => new TrackedRef(true, Exactly(RefKind.Branch, branch)),
            { } path when Relative(path, Tags) is { } tag => new TrackedRef(true, Exactly(RefKind.Tag, tag)),
            not null => new TrackedRef(true, Exactly(RefKind.Other, name)),
            null when Relative(name, Heads) is { } branch =>
                new TrackedRef(true, Exactly(RefKind.Branch, name), Exactly(RefKind.Tag, name), Exactly(RefKind.Branch, branch)),
            null when Relative(name, Tags) is { } tag =>
                new TrackedRef(true, Exactly(RefKind.Branch, name), Exactly(RefKind.Tag, name), Exactly(RefKind.Tag, tag)),
            null => new TrackedRef(true, Exactly(RefKind.Branch, name), Exactly(RefKind.Tag, name)),
        };
    }

    /// <summary>The change of the ref that is followed; null when none of them is.</summary>
    public RefChange? Find(IReadOnlyList<RefChange> changes)
    {
        foreach (var meaning in _meanings)
        {
            // A ref that is deleted and pushed again in one delivery is where it came to be last.
            if (changes.LastOrDefault(meaning) is { } change)
                return change;
        }

        return null;
    }

    private static Func<RefChange, bool> Exactly(RefKind kind, string name) => change => change.Kind == kind && change.Name == name;

    private static bool Names(RefChange change, string commit) =>
        commit.Equals(change.After, StringComparison.OrdinalIgnoreCase) || commit.Equals(change.TaggedCommit, StringComparison.OrdinalIgnoreCase);

    private static Func<RefChange, bool> Pattern(string name)
    {
        var path = Relative(name, Full) ?? name;
        if (Relative(path, Tags) is { } tags)
            return change => change.Kind == RefKind.Tag && Fits(change.Name, tags);
        return Relative(path, Heads) is { } heads
            ? change => change.Kind == RefKind.Branch && Fits(change.Name, heads)
            : change => Fits(change.Name, name);
    }

    private static string? Relative(string name, string folder) => name.StartsWith(folder, StringComparison.Ordinal) ? name[folder.Length..] : null;

    /// <summary>Whether a name fits a pattern in which * stands for anything, slashes too, as it does for Git. It never goes back by more than one star.</summary>
    internal static bool Fits(ReadOnlySpan<char> name, ReadOnlySpan<char> pattern)
    {
        var (at, star, resume) = (0, -1, 0);
        var i = 0;
        while (i < name.Length)
        {
            if (at < pattern.Length && pattern[at] == '*')
            {
                (star, resume) = (at++, i);
            }
            else if (at < pattern.Length && pattern[at] == name[i])
            {
                at++;
                i++;
            }
            else if (star >= 0)
            {
                (at, i) = (star + 1, ++resume);
            }
            else
            {
                return false;
            }
        }

        return !pattern[at..].ContainsAnyExcept('*');
    }
}
