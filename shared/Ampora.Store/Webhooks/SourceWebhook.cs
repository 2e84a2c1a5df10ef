using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>What a source says about its webhooks, read at one moment.</summary>
/// <param name="SourceId">The slug.</param>
/// <param name="SecretVersion">The version of its secrets, which an ask carries back, so that a change since then refuses it.</param>
/// <param name="Ref">The ref that it tracks.</param>
/// <param name="Auth">The name of its method.</param>
/// <param name="Paused">Whether it is paused.</param>
/// <param name="Current">Its secret; null when it has none.</param>
/// <param name="Previous">The one before, also when its time is over; null when it has none.</param>
/// <param name="PreviousIsValid">Whether that one is still accepted, by the database's clock.</param>
public sealed record SourceWebhook(
    string SourceId, long SecretVersion, string Ref, string Auth, bool Paused, WebhookSecret? Current, WebhookSecret? Previous, bool PreviousIsValid)
{
    /// <summary>The key of its repository, which says under which organisations' prefixes it is.</summary>
    public string? RepositoryKey { get; init; }

    /// <summary>The same as Bitbucket Server's URLs have it; null elsewhere.</summary>
    public string? BitbucketServerKey { get; init; }
}

/// <summary>An organisation's secret.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Provider">Whose webhooks it verifies.</param>
/// <param name="Prefix">The sources that it may wake are those under this.</param>
/// <param name="Current">The secret.</param>
/// <param name="Previous">The one before, also when its time is over; null when there is none.</param>
/// <param name="PreviousIsValid">Whether that one is still accepted, by the database's clock.</param>
public sealed record SharedSecret(string Name, string Provider, string Prefix, WebhookSecret Current, WebhookSecret? Previous, bool PreviousIsValid);

/// <summary>Whom a delivery at the shared endpoint may be for, and what may verify it.</summary>
/// <param name="Sources">The sources on its repository, by id; read before <paramref name="Secrets"/>.</param>
/// <param name="Secrets">The organisations' secrets of its sender whose prefix its repository is under, by name.</param>
/// <param name="Truncated">Whether there are more sources.</param>
public sealed record SharedCandidates(IReadOnlyList<SourceWebhook> Sources, IReadOnlyList<SharedSecret> Secrets, bool Truncated)
{
    /// <summary>
    /// The first secret that could not be read, and is left out: when nothing else verifies the delivery, it may be this one's, and is not to be refused for good.
    /// </summary>
    public SecretUnreadableException? Unreadable { get; init; }

    /// <summary>Adds the organisations' secrets of the configuration; one of the same name in the database is not used.</summary>
    /// <param name="configured">All of them.</param>
    /// <param name="repository">The repository that the delivery names.</param>
    /// <param name="provider">The sender.</param>
    public SharedCandidates With(IReadOnlyList<SharedSecret> configured, DeliveryRepository repository, string provider)
    {
        if (configured.Count == 0)
            return this;
        var own = configured.Where(s => s.Provider == provider && repository.MayBeUnder(s.Prefix));
        return this with { Secrets = [.. own, .. Secrets.Where(s => !configured.Any(c => c.Name == s.Name))] };
    }
}
