using Ampora.Store.Secrets;

namespace Ampora.Ingress.Webhooks;

/// <summary>What a request brought as its token: only the hash, so that nothing behind can log the value.</summary>
/// <param name="Hash">SHA-256 of what was presented, or of nothing.</param>
/// <param name="Fault">Why it cannot be a token, whatever it says; null when it may be one.</param>
internal readonly record struct PresentedToken(byte[] Hash, string? Fault)
{
    public const string Header = "X-Ampora-Webhook-Token";

    // For senders that can set no header. The gateway moves it to the header; ingress reads it itself where no gateway is in front.
    private const string QueryParameter = "token";

    public static PresentedToken Of(HttpRequest request)
    {
        var values = request.Headers[Header];
        if (values.Count == 0)
            values = request.Query[QueryParameter];

        // Two of them are no choice to make: which one a proxy in front has looked at is unknown.
        var fault = values.Count switch
        {
            0 => RefusalReasons.TokenMissing,
            1 => string.IsNullOrEmpty(values[0]) ? RefusalReasons.TokenMissing : null,
            _ => RefusalReasons.TokenRepeated,
        };
        return new PresentedToken(AccessToken.Hash(fault is null ? values[0]! : ""), fault);
    }
}
