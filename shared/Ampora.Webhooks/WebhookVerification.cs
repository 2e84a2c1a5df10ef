namespace Ampora.Webhooks;

/// <summary>Verifies requests, in constant time.</summary>
public static class WebhookVerification
{
    /// <summary>Secrets that one request is tried with; more would let a sender buy much work with one request.</summary>
    public const int MaxDistinctSecrets = 8;

    /// <summary>Verifies a request by any of some secrets.</summary>
    /// <param name="presented">What it brought.</param>
    /// <param name="body">Its body; <see cref="WebhookBody.Empty"/> where <see cref="PresentedCredentials.NeedsBody"/> is false.</param>
    /// <param name="secrets">The secrets, the current one first; none for a source that does not exist.</param>
    /// <param name="now">The time, for signatures that carry one.</param>
    public static Verification Verify(PresentedCredentials presented, WebhookBody body, IReadOnlyList<WebhookSecret> secrets, DateTimeOffset now) =>
        throw new NotImplementedException();
}
