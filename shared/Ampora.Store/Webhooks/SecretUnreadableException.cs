namespace Ampora.Store.Webhooks;

/// <summary>A stored secret does not decrypt: it was encrypted under a master key that this process does not have, or it was changed.</summary>
/// <param name="place">Where it is kept.</param>
/// <param name="cause">What the cipher said.</param>
public sealed class SecretUnreadableException(Secrets.SecretPlace place, Exception cause)
    : Exception($"The secret of {place.Row} in {place.Table} cannot be decrypted: {cause.Message}", cause)
{
    /// <summary>Where it is kept.</summary>
    public Secrets.SecretPlace Place { get; } = place;
}
