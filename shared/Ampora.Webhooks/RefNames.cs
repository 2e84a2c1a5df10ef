namespace Ampora.Webhooks;

/// <summary>Reads names of refs and ids of objects as payloads have them.</summary>
internal static class RefNames
{
    private const string Heads = "refs/heads/";
    private const string Tags = "refs/tags/";

    /// <summary>Whether a text is the whole id of an object, in SHA-1 or SHA-256.</summary>
    public static bool IsObjectId(string? text) => text is { Length: 40 or 64 } && text.All(char.IsAsciiHexDigit);

    /// <summary>The id in lower case; null when it is none, or the id of zeros that stands for nothing.</summary>
    public static string? ObjectId(string? text) => IsObjectId(text) && !IsZero(text!) ? text!.ToLowerInvariant() : null;

    /// <summary>Whether a text is the id of zeros: what a deleted ref points to.</summary>
    public static bool IsZero(string? text) => text is { Length: 40 or 64 } && !text.AsSpan().ContainsAnyExcept('0');

    /// <summary>Makes a change of what a payload says.</summary>
    /// <param name="name">The full or short name.</param>
    /// <param name="kind">What a short name is.</param>
    /// <param name="after">The id that the payload gives; zeros mean that the ref is gone.</param>
    /// <param name="deleted">Whether the payload says that it is gone.</param>
    /// <param name="commit">The commit that a tag points to in the end, if the payload says.</param>
    /// <returns>The change; null when the name is none.</returns>
    public static RefChange? Change(string? name, RefKind kind, string? after, bool deleted = false, string? commit = null)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Any(char.IsControl))
            return null;
        deleted |= IsZero(after);
        if (name.StartsWith(Heads, StringComparison.Ordinal))
            (kind, name) = (RefKind.Branch, name[Heads.Length..]);
        else if (name.StartsWith(Tags, StringComparison.Ordinal))
            (kind, name) = (RefKind.Tag, name[Tags.Length..]);
        else if (name.StartsWith("refs/", StringComparison.Ordinal))
            kind = RefKind.Other;
        return name.Length == 0
            ? null
            : new RefChange(kind, name, deleted ? null : ObjectId(after), deleted) { TaggedCommit = deleted || kind != RefKind.Tag ? null : ObjectId(commit) };
    }

    /// <summary>The full name.</summary>
    public static string FullName(RefChange change) => change.Kind switch
    {
        RefKind.Branch => Heads + change.Name,
        RefKind.Tag => Tags + change.Name,
        _ => change.Name,
    };

    /// <summary>The short name of a branch, given short or full; null when it is none.</summary>
    public static string? Branch(string? name) => Change(name, RefKind.Branch, null) is { Kind: RefKind.Branch } change ? change.Name : null;
}
