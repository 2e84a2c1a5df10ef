using System.Text;

namespace Ampora.Git.Filtering;

/// <summary>
/// Which paths of a repository count for a source: those that the include list names, without those that the exclude list names. Both
/// lists have the syntax of a <c>.gitignore</c> (gitignore(5)), one pattern a line, and mean what git would make of such a file at the top
/// of the repository: a path is named when git would ignore it, also for the sake of a directory above it. Upper and lower case differ.
/// Safe for concurrent use; the time for a path grows with the length of path and patterns and never faster.
/// </summary>
public sealed class PathFilter
{
    /// <summary>Lines of one list. A list that is longer describes files one by one, which is what the repository is for.</summary>
    public const int MaxLines = 1000;

    /// <summary>Characters of a line.</summary>
    public const int MaxLineLength = 1000;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IgnoreList? _include;
    private readonly IgnoreList? _exclude;

    private PathFilter(IgnoreList? include, IgnoreList? exclude)
    {
        _include = include;
        _exclude = exclude;
    }

    /// <summary>The filter that every path passes.</summary>
    public static PathFilter Everything { get; } = new(null, null);

    /// <summary>Whether every path passes.</summary>
    public bool IsEverything => _include is null && _exclude is null;

    /// <summary>Reads a filter.</summary>
    /// <param name="include">The patterns of what counts; null, or without a pattern, for everything.</param>
    /// <param name="exclude">The patterns of what does not count although it is included; null for nothing.</param>
    /// <param name="filter">The filter; null when there is a problem.</param>
    /// <returns>Null, or which line of which list is refused and what it should be.</returns>
    public static string? TryParse(string? include, string? exclude, out PathFilter? filter)
    {
        filter = null;
        if (FindProblem(include) is { } inInclude)
            return $"include: {inInclude}";
        if (FindProblem(exclude) is { } inExclude)
            return $"exclude: {inExclude}";
        filter = Read(include) is var included && Read(exclude) is var excluded && included is null && excluded is null
            ? Everything
            : new PathFilter(included, excluded);
        return null;
    }

    /// <summary>Checks one of the two lists.</summary>
    /// <returns>Null, or which line is refused and what it should be.</returns>
    public static string? FindProblem(string? patterns)
    {
        if (patterns is null)
            return null;
        var lines = patterns.Split('\n');
        if (lines.Length > MaxLines + 1 || (lines.Length == MaxLines + 1 && lines[^1].Length > 0))
            return $"It has more than {MaxLines} lines; name directories instead of single files.";
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length > MaxLineLength)
                return $"Line {i + 1} is longer than {MaxLineLength} characters.";
            if (lines[i].Contains('\0', StringComparison.Ordinal))
                return $"Line {i + 1} contains a NUL, which no path has.";
            if (!IsText(lines[i]))
                return $"Line {i + 1} contains half of a surrogate pair, which is no text.";
            if (IgnorePattern.FindProblem(lines[i]) is { } problem)
                return $"Line {i + 1} {problem}";
        }

        return null;
    }

    /// <summary>Whether a path counts.</summary>
    /// <param name="rawPath">The path from the root with <c>/</c>, each char one raw byte (Latin-1), as trees and manifests have it.</param>
    /// <param name="isDirectory">Whether the path is that of a directory, or of a submodule, which git takes for one: patterns that end with a slash name only those.</param>
    public bool Includes(string rawPath, bool isDirectory = false)
    {
        ArgumentNullException.ThrowIfNull(rawPath);
        return _include?.Names(rawPath, isDirectory) != false && _exclude?.Names(rawPath, isDirectory) != true;
    }

    private static IgnoreList? Read(string? patterns) =>
        patterns is null ? null : IgnoreList.Parse(Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(patterns)));

    private static bool IsText(string line)
    {
        try
        {
            _ = StrictUtf8.GetByteCount(line);
            return true;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }
}
