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
    public static Relevance Of(DeliveryContent? content, string sourceRef) => throw new NotImplementedException();
}
