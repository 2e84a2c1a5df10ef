namespace Ampora.Git.Filtering;

/// <summary>A list of patterns as a <c>.gitignore</c> at the top of a repository has them. Paths and patterns are raw bytes in Latin-1.</summary>
internal sealed class IgnoreList
{
    // The last match decides, so they are kept in the order in which they are tried.
    private readonly IgnorePattern[] _patterns;

    // Paths come in order nearly always, so that most have the directory of the one before.
    private volatile Folder? _latest;

    private IgnoreList(IgnorePattern[] patterns) => _patterns = patterns;

    /// <summary>Reads a list; null when no line of it is a pattern.</summary>
    public static IgnoreList? Parse(string text)
    {
        // What an editor puts in front of UTF-8.
        const string byteOrderMark = "\u00ef\u00bb\u00bf";
        if (text.StartsWith(byteOrderMark, StringComparison.Ordinal))
            text = text[byteOrderMark.Length..];
        var patterns = text.Split('\n').Select(IgnorePattern.Parse).OfType<IgnorePattern>().Reverse().ToArray();
        return patterns.Length == 0 ? null : new IgnoreList(patterns);
    }

    /// <summary>Whether git would ignore the path: the last pattern that matches it is no exception, or a directory above it is ignored, below which there are no exceptions.</summary>
    public bool Names(string path, bool isDirectory)
    {
        var slash = path.LastIndexOf('/');
        return (slash >= 0 && NamesFolder(path, slash)) || Matches(path, slash + 1, isDirectory);
    }

    private bool NamesFolder(string path, int length)
    {
        if (_latest is { } latest && path.AsSpan(0, length).SequenceEqual(latest.Path))
            return latest.Named;
        var named = false;
        for (int start = 0, slash; !named && start < length; start = slash + 1)
        {
            slash = path.IndexOf('/', start);
            named = Matches(path.AsSpan(0, slash), start, isDirectory: true);
        }

        _latest = new Folder(path[..length], named);
        return named;
    }

    private bool Matches(ReadOnlySpan<char> path, int nameStart, bool isDirectory)
    {
        foreach (var pattern in _patterns)
        {
            if (pattern.Matches(path, nameStart, isDirectory))
                return !pattern.IsException;
        }

        return false;
    }

    private sealed record Folder(string Path, bool Named);
}
