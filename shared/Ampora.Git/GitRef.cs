namespace Ampora.Git;

/// <summary>Which ref a source follows.</summary>
public static class GitRef
{
    /// <summary>Checks a ref's name: <c>HEAD</c>, <c>main</c>, <c>refs/heads/main</c>, <c>refs/tags/v1</c>.</summary>
    /// <param name="name">The name as the operator gave it.</param>
    /// <returns>Null, or why it is refused and what it should be (rules of git-check-ref-format).</returns>
    public static string? FindProblem(string name) => throw new NotImplementedException();
}
