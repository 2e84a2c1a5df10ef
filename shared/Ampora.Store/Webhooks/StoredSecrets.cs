using Ampora.Store.Secrets;
using Ampora.Store.Sql;
using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>A secret as a row has it.</summary>
internal readonly record struct StoredSecret(string? Auth, byte[]? Hash, byte[]? Encrypted, string? Username)
{
    public static StoredSecret Read(Row row, int first) =>
        new(row.StringOrNull(first), row.BytesOrNull(first + 1), row.BytesOrNull(first + 2), row.StringOrNull(first + 3));

    public WebhookSecret? Open(SecretCipher cipher, SecretPlace place) =>
        WebhookSecretStorage.Open(cipher, place, Auth, Hash, Encrypted, Username);

    /// <summary>The same, but one that cannot be read is noted and is none.</summary>
    public WebhookSecret? Open(SecretCipher cipher, SecretPlace place, ref SecretUnreadableException? unreadable)
    {
        try
        {
            return Open(cipher, place);
        }
        catch (SecretUnreadableException e)
        {
            unreadable ??= e;
            return null;
        }
    }
}

/// <summary>A source's row, not yet decrypted.</summary>
internal sealed record StoredSource(
    string Id, long SecretVersion, string Ref, string Auth, bool Paused, StoredSecret Current, StoredSecret Previous, bool PreviousIsValid, string? RepositoryKey,
    string? BitbucketServerKey)
{
    public static StoredSource Read(Row row) => new(
        row.String(0), row.Long(1), row.String(2), row.String(3), row.Bool(4), StoredSecret.Read(row, 5), StoredSecret.Read(row, 9), row.Bool(13),
        row.StringOrNull(14), row.StringOrNull(15));

    /// <summary>How many of its secrets are encrypted.</summary>
    public int Encrypted => (Current.Encrypted is null ? 0 : 1) + (Previous.Encrypted is null ? 0 : 1);

    /// <exception cref="SecretUnreadableException">One that may verify a delivery cannot be read. One whose time is over only explains a refusal.</exception>
    public SourceWebhook Open(SecretCipher cipher)
    {
        SecretUnreadableException? unreadable = null;
        var current = Current.Open(cipher, Place);
        var previous = Previous.Open(cipher, Place, ref unreadable);
        return PreviousIsValid && unreadable is not null ? throw unreadable : With(current, previous);
    }

    public SourceWebhook Open(SecretCipher cipher, ref SecretUnreadableException? unreadable) =>
        With(Current.Open(cipher, Place, ref unreadable), Previous.Open(cipher, Place, ref unreadable));

    private SecretPlace Place => WebhookSecretStorage.PlaceOf(Id);

    private SourceWebhook With(WebhookSecret? current, WebhookSecret? previous) =>
        new(Id, SecretVersion, Ref, Auth, Paused, current, previous, PreviousIsValid) { RepositoryKey = RepositoryKey, BitbucketServerKey = BitbucketServerKey };
}

/// <summary>An organisation's row, not yet decrypted.</summary>
internal sealed record StoredShared(string Name, string Provider, string Prefix, StoredSecret Current, StoredSecret Previous, bool PreviousIsValid)
{
    public static StoredShared Read(Row row) => new(
        row.String(0), row.String(1), row.String(2), StoredSecret.Read(row, 3), StoredSecret.Read(row, 7), row.Bool(11));

    /// <returns>Null when there is no current secret that can be read.</returns>
    public SharedSecret? Open(SecretCipher cipher, ref SecretUnreadableException? unreadable)
    {
        var place = WebhookSecretStorage.PlaceOfShared(Name);
        var current = Current.Open(cipher, place, ref unreadable);
        var previous = Previous.Open(cipher, place, ref unreadable);
        return current is null ? null : new SharedSecret(Name, Provider, Prefix, current, previous, PreviousIsValid);
    }
}
