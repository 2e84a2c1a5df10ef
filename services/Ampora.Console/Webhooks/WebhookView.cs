using Ampora.Webhooks;

namespace Ampora.Console.Webhooks;

/// <summary>A webhook as the API shows it, without its secrets.</summary>
internal sealed record WebhookView
{
    /// <summary>How deliveries are authenticated: <c>token</c>, <c>github</c>, …</summary>
    public required string Auth { get; init; }

    /// <summary>Where the Git host sends them.</summary>
    public required string Url { get; init; }

    /// <summary>Where the Git host wants the secret.</summary>
    public required string Field { get; init; }

    /// <summary>The user name that Basic authentication must bring; null: any.</summary>
    public required string? Username { get; init; }

    /// <summary>Whether there is a secret; without one every delivery is refused.</summary>
    public required bool HasSecret { get; init; }

    /// <summary>When the current secret was set.</summary>
    public required DateTime? CreatedAt { get; init; }

    /// <summary>Until when the previous secret is accepted too; null: it is not.</summary>
    public required DateTime? PreviousValidUntil { get; init; }

    /// <summary>When the current secret last verified a delivery.</summary>
    public required DateTime? LastUsedAt { get; init; }

    /// <summary>When the previous secret last verified a delivery: once that stays behind, the Git host has the new one, and the old one can go.</summary>
    public required DateTime? PreviousLastUsedAt { get; init; }

    /// <summary><c>current</c> or <c>previous</c>: which secret verified the last delivery; null: neither has yet.</summary>
    public required string? LastSignedBy { get; init; }

    /// <param name="auth">The method.</param>
    /// <param name="times">What is shown of the secrets; null when there are none.</param>
    /// <param name="now">The database's clock.</param>
    public static WebhookView Of(string auth, SecretTimes? times, DateTimeOffset now) => new()
    {
        Auth = auth,
        Url = "",
        Field = SecretRotation.FieldOf(WebhookMethod.Find(auth) ?? WebhookMethod.Token, times?.IsEncrypted ?? false),
        Username = times?.Username,
        HasSecret = times?.HasSecret ?? false,
        CreatedAt = times is { HasSecret: true } ? times.CreatedAt.UtcDateTime : null,
        PreviousValidUntil = times?.PreviousValidUntil > now ? times.PreviousValidUntil?.UtcDateTime : null,
        LastUsedAt = times?.UsedAt?.UtcDateTime,
        PreviousLastUsedAt = times?.PreviousUsedAt?.UtcDateTime,
        LastSignedBy = times?.LastSignedBy,
    };
}

/// <summary>What may be shown of a row of secrets; it is read without them.</summary>
internal sealed record SecretTimes
{
    public required bool HasSecret { get; init; }

    public required bool IsEncrypted { get; init; }

    public required string? Username { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset? UsedAt { get; init; }

    public required DateTimeOffset? PreviousValidUntil { get; init; }

    public required DateTimeOffset? PreviousUsedAt { get; init; }

    public string? LastSignedBy =>
        UsedAt is null && PreviousUsedAt is null ? null : PreviousUsedAt is null || UsedAt >= PreviousUsedAt ? "current" : "previous";
}
