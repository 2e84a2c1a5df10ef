namespace Ampora.Ingress.Refusals;

/// <summary>One refused webhook.</summary>
/// <param name="SourceId">The source; null when there is none of the id that was given, or several may be meant.</param>
/// <param name="Address">Where it came from.</param>
/// <param name="Reason">One of <see cref="Ampora.Webhooks.RefusalReasons"/>.</param>
/// <param name="Sender">The kind of sender that it looked like; one of a few.</param>
/// <param name="Event">The event that it named.</param>
/// <param name="Detail">What was wrong, in words for the operator; no secret, nothing of what was presented.</param>
/// <param name="Repository">The repository that it named, cleaned and cut.</param>
internal sealed record Refusal(
    string? SourceId, string? Address, string Reason, string Sender, string? Event, string? Detail, string? Repository = null);
