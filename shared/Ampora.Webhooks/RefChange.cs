namespace Ampora.Webhooks;

/// <summary>A ref that moved.</summary>
/// <param name="Kind">What it is; a name never tells a branch from a tag.</param>
/// <param name="Name">The short name of a branch or tag; the full name of anything else.</param>
/// <param name="After">The object it points to now, in lower case; null when it was deleted or the payload does not say.</param>
/// <param name="Deleted">Whether it is gone.</param>
public sealed record RefChange(RefKind Kind, string Name, string? After, bool Deleted)
{
    /// <summary>
    /// The commit that a tag points to in the end, where the payload says: <see cref="After"/> of an annotated tag is the tag's own object,
    /// and payloads do not tell which of both it is.
    /// </summary>
    public string? TaggedCommit { get; init; }
}

/// <summary>What a ref is.</summary>
public enum RefKind
{
    /// <summary>Under <c>refs/heads/</c>.</summary>
    Branch,

    /// <summary>Under <c>refs/tags/</c>.</summary>
    Tag,

    /// <summary>Anywhere else.</summary>
    Other,
}
