namespace Ampora.Webhooks;

/// <summary>What verifying a request gave.</summary>
/// <param name="Secret">The place in the list of the secret that it was verified by; null when it was by none.</param>
/// <param name="Reason">One of <see cref="RefusalReasons"/>; null when it was verified.</param>
/// <param name="Detail">What was wrong, in a sentence for the operator; it never repeats what was presented.</param>
public readonly record struct Verification(int? Secret, string? Reason, string? Detail);
