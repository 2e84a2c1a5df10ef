using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>The repository that a delivery names, as sources are found by it.</summary>
/// <param name="Keys">Its keys.</param>
/// <param name="BitbucketServerKeys">The same as Bitbucket Server's URLs have them; only Bitbucket Server may name them.</param>
/// <param name="BitbucketServerName">
/// Project and slug, in lower case, of a Bitbucket Server that sends no address at all: sources are found by them on whichever server, and
/// the secret tells whose it is.
/// </param>
public sealed record DeliveryRepository(IReadOnlyList<string> Keys, IReadOnlyList<string> BitbucketServerKeys, string? BitbucketServerName)
{
    /// <summary>None: a delivery that names no repository.</summary>
    public static DeliveryRepository None { get; } = new([], [], null);

    /// <summary>Whether it names none.</summary>
    public bool IsNone => Keys.Count == 0 && BitbucketServerKeys.Count == 0 && BitbucketServerName is null;

    /// <summary>One text for it; null when it is none.</summary>
    public string? Text => Keys.Count > 0 ? Keys[0] : BitbucketServerKeys.Count > 0 ? BitbucketServerKeys[0] : BitbucketServerName;

    /// <summary>Takes the repository from a payload.</summary>
    public static DeliveryRepository Of(DeliveryContent content)
    {
        ArgumentNullException.ThrowIfNull(content);
        string[] KeysBy(Func<string, string?> keyOf) => [.. content.RepositoryUrls.Select(keyOf).OfType<string>().Distinct(StringComparer.Ordinal)];
        var isServer = content.Provider == Senders.BitbucketServer;
        var keys = KeysBy(RepositoryAddress.KeyOf);
        var serverKeys = isServer ? KeysBy(RepositoryAddress.BitbucketServerKeyOf) : [];
        return new DeliveryRepository(keys, serverKeys, isServer && keys.Length + serverKeys.Length == 0 ? content.RepositoryName?.ToLowerInvariant() : null);
    }

    /// <summary>Whether a prefix may cover it. A repository without a host may be anywhere.</summary>
    public bool MayBeUnder(string prefix) =>
        Keys.Count + BitbucketServerKeys.Count == 0 || Keys.Concat(BitbucketServerKeys).Any(key => RepositoryAddress.IsUnder(key, prefix));
}
