namespace Ampora.Webhooks;

/// <summary>Whether a delivery concerns a source.</summary>
/// <param name="Wakes">Whether the source looks again.</param>
/// <param name="Reason">One of <see cref="IgnoredReasons"/> when it does not.</param>
/// <param name="AnnouncedSha">The commit that the source's ref is at, as the payload says; null when it does not say it for certain.</param>
public sealed record Relevance(bool Wakes, string? Reason, string? AnnouncedSha)
{
    /// <summary>Judges a delivery.</summary>
    /// <param name="content">What it says; null when its body says nothing, so that it may concern any ref.</param>
    /// <param name="sourceRef">The ref that the source follows.</param>
    public static Relevance Of(DeliveryContent? content, string sourceRef)
    {
        ArgumentNullException.ThrowIfNull(sourceRef);
        if (content is null)
            return new Relevance(true, null, null);
        if (content.Kind != EventKind.Push)
            return new Relevance(false, content.Kind == EventKind.Ping ? IgnoredReasons.Ping : IgnoredReasons.EventNotRelevant, null);

        var tracked = TrackedRef.Of(sourceRef, content.DefaultBranch);
        if (tracked.Find(content.Refs) is { } change)
            return new Relevance(true, null, tracked.IsOneRef ? CommitOf(change) : null);
        // Refs moved that are not listed, so it may be any.
        return content.Refs.Count == 0 || content.RefsTruncated
            ? new Relevance(true, null, null)
            : new Relevance(false, IgnoredReasons.RefNotTracked, null);
    }

    // A source's tip is a commit. What a tag points to may be an object of its own, which would be waited for in vain.
    private static string? CommitOf(RefChange change) => change switch
    {
        { Deleted: true } => null,
        { Kind: RefKind.Tag } => change.TaggedCommit?.ToLowerInvariant(),
        _ => change.After?.ToLowerInvariant(),
    };
}
