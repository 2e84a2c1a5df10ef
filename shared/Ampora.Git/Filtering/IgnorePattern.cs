namespace Ampora.Git.Filtering;

/// <summary>One line of a <c>.gitignore</c>.</summary>
internal sealed class IgnorePattern
{
    private readonly string _prefix;
    private readonly Wildcard? _rest;
    private readonly bool _onlyDirectories;
    private readonly bool _matchesName;

    private IgnorePattern(string pattern, bool isException, bool onlyDirectories)
    {
        IsException = isException;
        _onlyDirectories = onlyDirectories;
        _matchesName = !pattern.Contains('/', StringComparison.Ordinal);
        if (pattern.StartsWith('/'))
            pattern = pattern[1..];
        // As git does, what stands before the first wildcard is compared alone. It shows in one case: in `ab**/c` the stars are the first
        // thing that git's matching sees, as if a slash stood before them.
        var literal = pattern.AsSpan().IndexOfAny('*', '?', '[') is >= 0 and var special ? special : pattern.Length;
        if (pattern.IndexOf('\\', StringComparison.Ordinal) is >= 0 and var escape)
            literal = Math.Min(literal, escape);
        _prefix = pattern[..literal];
        _rest = literal == pattern.Length ? null : Wildcard.Parse(pattern[literal..], isPath: !_matchesName);
    }

    /// <summary>Whether it takes back what a pattern before it named: <c>!pattern</c>.</summary>
    public bool IsException { get; }

    /// <summary>Reads a line; null when it is empty or a comment.</summary>
    public static IgnorePattern? Parse(string line)
    {
        if (line.Length == 0 || line[0] == '#')
            return null;
        if (line[^1] == '\r')
            line = line[..^1];
        line = TrimEnd(line);
        var isException = line.StartsWith('!');
        if (isException)
            line = line[1..];
        var onlyDirectories = line.EndsWith('/');
        if (onlyDirectories)
            line = line[..^1];
        return line.Length == 0 ? null : new IgnorePattern(line, isException, onlyDirectories);
    }

    /// <summary>Checks a line.</summary>
    /// <returns>Null, or what is wrong with it, to be read after "Line 7".</returns>
    public static string? FindProblem(string line)
    {
        if (line.Length == 0 || line[0] == '#')
            return null;
        var (pattern, escaped) = (TrimEnd(line.EndsWith('\r') ? line[..^1] : line), false);
        foreach (var c in pattern)
            escaped = c == '\\' && !escaped;
        return escaped ? "ends with a backslash that escapes nothing, so that it would match nothing; write \\\\ for a backslash." : null;
    }

    /// <summary>Whether it matches.</summary>
    /// <param name="path">The path from the root.</param>
    /// <param name="nameStart">Where the last part of the path begins.</param>
    /// <param name="isDirectory">Whether the path is a directory's.</param>
    public bool Matches(ReadOnlySpan<char> path, int nameStart, bool isDirectory)
    {
        if (_onlyDirectories && !isDirectory)
            return false;
        // A pattern without a slash is one for a name, in whatever directory.
        var text = _matchesName ? path[nameStart..] : path;
        return text.StartsWith(_prefix, StringComparison.Ordinal)
            && (_rest is null ? text.Length == _prefix.Length : _rest.Matches(text[_prefix.Length..]));
    }

    // Spaces at the end do not count unless a backslash stands before one; tabs count.
    private static string TrimEnd(string line)
    {
        var end = 0;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == ' ')
                continue;
            if (line[i] == '\\' && ++i == line.Length)
                return line;
            end = i + 1;
        }

        return line[..end];
    }
}
