namespace Ampora.Git;

/// <summary>Which ref a source follows.</summary>
public static class GitRef
{
    /// <summary>Git itself allows names as long as a path of the file system; a longer one is a mistake.</summary>
    public const int MaxLength = 1024;

    private const string Tags = "tags/";
    private const string FullTags = "refs/tags/";

    /// <summary>
    /// Checks a ref's name: <c>HEAD</c>, <c>main</c>, <c>refs/heads/main</c>, <c>refs/tags/v1</c>, a pattern of tags such as <c>tags/v1.*</c>, or a commit's full id.
    /// </summary>
    /// <param name="name">The name as the operator gave it.</param>
    /// <returns>Null, or why it is refused and what it should be (rules of git-check-ref-format).</returns>
    public static string? FindProblem(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length == 0)
            return "The ref is empty; give a branch such as main, a tag such as refs/tags/v1, or HEAD.";
        if (name.Length > MaxLength)
            return $"The ref is longer than {MaxLength} characters.";
        if (name[0] == '-')
            return "The ref begins with a dash, as an option would.";
        if (name.Any(c => char.IsControl(c) || c == ' '))
            return "The ref contains a space or a control character, which no ref has.";
        if (name.Contains('*', StringComparison.Ordinal) && FindPatternProblem(name) is { } patternProblem)
            return patternProblem;
        if (name.IndexOfAny(['~', '^', ':', '?', '[', '\\']) >= 0)
            return "The ref contains one of ~ ^ : ? [ \\, which no ref has; give the ref alone, without an expression after it.";
        if (name.Length is ObjectId.Sha1Digits or ObjectId.Sha256Digits && ObjectId.IsValid(name.ToLowerInvariant()) && !ObjectId.IsValid(name))
            return "The ref is a commit's id with capital letters; write it in lower case, as git does.";
        if (name == "@" || name.Contains("@{", StringComparison.Ordinal))
            return "The ref contains @ or @{…}, which only mean something in a clone; write HEAD for the default branch.";
        if (name.Contains("..", StringComparison.Ordinal))
            return "The ref contains .., which no ref has; give one ref, not a range.";
        if (name[0] == '/' || name[^1] == '/' || name.Contains("//", StringComparison.Ordinal))
            return "The ref begins or ends with a slash, or has two in a row.";
        if (name.Split('/').Any(part => part[0] == '.' || part.EndsWith(".lock", StringComparison.Ordinal)) || name[^1] == '.')
            return "A part of the ref begins with a dot or ends in .lock, or the ref ends with a dot, which no ref does.";
        if (name is "refs/heads" or "refs/tags" or "refs")
            return "The ref names a folder of refs; name one branch or tag in it.";
        return null;
    }

    /// <summary>Whether a name stands for the highest of several tags.</summary>
    /// <param name="name">A name without a problem.</param>
    public static bool IsPattern(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Contains('*', StringComparison.Ordinal);
    }

    /// <summary>Whether a name is a commit's full id, which never moves.</summary>
    /// <param name="name">A name without a problem.</param>
    public static bool IsCommit(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return ObjectId.IsValid(name);
    }

    /// <summary>A pattern in full, <c>refs/tags/…</c>.</summary>
    internal static string PatternOf(string name) => name.StartsWith(Tags, StringComparison.Ordinal) ? "refs/" + name : name;

    /// <summary>The full names that a name may stand for, best first.</summary>
    internal static IReadOnlyList<string> Candidates(string name)
    {
        if (name == "HEAD" || name.StartsWith("refs/", StringComparison.Ordinal))
            return [name];
        return name.StartsWith("heads/", StringComparison.Ordinal) || name.StartsWith("tags/", StringComparison.Ordinal)
            ? [$"refs/heads/{name}", $"refs/tags/{name}", $"refs/{name}"]
            : [$"refs/heads/{name}", $"refs/tags/{name}"];
    }

    private static string? FindPatternProblem(string name)
    {
        if (!name.StartsWith(Tags, StringComparison.Ordinal) && !name.StartsWith(FullTags, StringComparison.Ordinal))
            return "A pattern (*) follows the highest version among tags, so it begins with tags/, as in tags/v1.*; a branch is followed by its name alone.";
        return name.IndexOf('*', StringComparison.Ordinal) != name.LastIndexOf('*') ? "A pattern has one * only, as in tags/v1.*." : null;
    }
}
