namespace Ampora.Store.Model;

/// <summary>
/// A current and a previous secret, as the tables of sources and of organisations keep them. Each has its own method, so that a change of method can overlap
/// too, and is kept as a hash where comparing is enough, or encrypted where it must be recovered; never both.
/// </summary>
public interface IWebhookSecretRow
{
    /// <summary>The method of the current secret: <c>token</c>, <c>github</c>, …</summary>
    string Auth { get; set; }

    /// <summary>SHA-256 of the current secret.</summary>
    byte[]? SecretHash { get; set; }

    /// <summary>The current secret, encrypted. Neither this nor the hash: there is no current secret.</summary>
    byte[]? SecretEncrypted { get; set; }

    /// <summary>The name that Basic authentication must bring with the current secret; null: any.</summary>
    string? Username { get; set; }

    /// <summary>When the current secret was set, UTC.</summary>
    DateTimeOffset CreatedAt { get; set; }

    /// <summary>When the current secret last verified a delivery, UTC.</summary>
    DateTimeOffset? UsedAt { get; set; }

    /// <summary>The method of the previous secret; null when there is none.</summary>
    string? PreviousAuth { get; set; }

    /// <summary>SHA-256 of the previous secret.</summary>
    byte[]? PreviousSecretHash { get; set; }

    /// <summary>The previous secret, encrypted.</summary>
    byte[]? PreviousSecretEncrypted { get; set; }

    /// <summary>The name that Basic authentication must bring with the previous secret; null: any.</summary>
    string? PreviousUsername { get; set; }

    /// <summary>Until when the previous secret is accepted, by the database's clock; null: not at all.</summary>
    DateTimeOffset? PreviousValidUntil { get; set; }

    /// <summary>When the previous secret last verified a delivery, UTC.</summary>
    DateTimeOffset? PreviousUsedAt { get; set; }
}

/// <summary>
/// The secrets of a source's webhook; their version is <see cref="Wakeup.SecretVersion"/>, which is raised in the same transaction as
/// any change here. Written by the Console, read by Ingress; the times of use by whoever asks.
/// </summary>
public sealed class WebhookSecret : IWebhookSecretRow
{
    /// <summary>The source's slug.</summary>
    public required string SourceId { get; set; }

    /// <inheritdoc/>
    public required string Auth { get; set; }

    /// <inheritdoc/>
    public byte[]? SecretHash { get; set; }

    /// <inheritdoc/>
    public byte[]? SecretEncrypted { get; set; }

    /// <inheritdoc/>
    public string? Username { get; set; }

    /// <inheritdoc/>
    public required DateTimeOffset CreatedAt { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? UsedAt { get; set; }

    /// <inheritdoc/>
    public string? PreviousAuth { get; set; }

    /// <inheritdoc/>
    public byte[]? PreviousSecretHash { get; set; }

    /// <inheritdoc/>
    public byte[]? PreviousSecretEncrypted { get; set; }

    /// <inheritdoc/>
    public string? PreviousUsername { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? PreviousValidUntil { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? PreviousUsedAt { get; set; }
}

/// <summary>
/// An organisation's secret for the shared endpoint. Whoever changes it raises the version of every source under its prefix in the same transaction
/// (<see cref="Wakeups.SourceWakeups.ChangeSecretsUnderAsync"/>). Written by the Console, read by Ingress.
/// </summary>
public sealed class SharedWebhookSecret : IWebhookSecretRow
{
    /// <summary>Its name, a slug like a source's.</summary>
    public required string Name { get; set; }

    /// <summary>Whose webhooks it verifies, such as <c>github</c>: the name of the sender, which is that of its method.</summary>
    public required string Provider { get; set; }

    /// <summary>The sources that it may wake: those whose repository is under this, such as <c>github.com/acme/</c>.</summary>
    public required string Prefix { get; set; }

    /// <inheritdoc/>
    public required string Auth { get; set; }

    /// <inheritdoc/>
    public byte[]? SecretHash { get; set; }

    /// <inheritdoc/>
    public byte[]? SecretEncrypted { get; set; }

    /// <inheritdoc/>
    public string? Username { get; set; }

    /// <inheritdoc/>
    public required DateTimeOffset CreatedAt { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? UsedAt { get; set; }

    /// <inheritdoc/>
    public string? PreviousAuth { get; set; }

    /// <inheritdoc/>
    public byte[]? PreviousSecretHash { get; set; }

    /// <inheritdoc/>
    public byte[]? PreviousSecretEncrypted { get; set; }

    /// <inheritdoc/>
    public string? PreviousUsername { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? PreviousValidUntil { get; set; }

    /// <inheritdoc/>
    public DateTimeOffset? PreviousUsedAt { get; set; }

    /// <summary>Rises with each change by an operator; the ETag.</summary>
    public required long Version { get; set; }
}
