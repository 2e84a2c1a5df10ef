using Ampora.Webhooks;

namespace Ampora.Store.Webhooks;

/// <summary>
/// Whom a delivery at the shared endpoint is for, once one of the secrets has verified it. An organisation's secret speaks for every source under its prefix, a
/// source's own for nobody but those that have this very secret: so whoever can sign for one repository wakes no other.
/// </summary>
public sealed class SharedMatch
{
    private readonly List<List<Owner>> _owners = [];
    private readonly IReadOnlyList<SourceWebhook> _sources;

    private SharedMatch(IReadOnlyList<SourceWebhook> sources) => _sources = sources;

    /// <summary>
    /// What to verify by, each once: organisations' secrets before sources' own, and those whose time is over last, since they only explain a refusal. At most
    /// <see cref="WebhookVerification.MaxDistinctSecrets"/>.
    /// </summary>
    public IReadOnlyList<WebhookSecret> Secrets { get; private set; } = [];

    /// <summary>Whether there are more distinct secrets than are tried: these sources need an organisation's secret.</summary>
    public bool MoreSecrets { get; private set; }

    /// <summary>The sources on the repository.</summary>
    public IReadOnlyList<SourceWebhook> Sources => _sources;

    /// <summary>Puts the secrets of the candidates in order.</summary>
    public static SharedMatch Of(SharedCandidates candidates)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        var owners = candidates.Secrets.SelectMany(OwnersOf).Concat(candidates.Sources.SelectMany(OwnersOf)).ToList();
        var match = new SharedMatch(candidates.Sources);
        var secrets = new List<WebhookSecret>();
        // A stable sort: organisations' stay before sources' own.
        foreach (var owner in owners.OrderBy(o => o.IsValid ? 0 : 1))
        {
            var place = secrets.IndexOf(owner.Secret);
            if (place < 0 && secrets.Count == WebhookVerification.MaxDistinctSecrets)
            {
                match.MoreSecrets = true;
                continue;
            }

            if (place < 0)
            {
                place = secrets.Count;
                secrets.Add(owner.Secret);
                match._owners.Add([]);
            }

            match._owners[place].Add(owner);
        }

        match.Secrets = secrets;
        return match;
    }

    /// <summary>Those for whom a secret speaks.</summary>
    /// <param name="secret">Its place in <see cref="Secrets"/>.</param>
    /// <returns>Null when its time is over; otherwise each source once, maybe none.</returns>
    public SpokenFor? Verified(int secret)
    {
        var valid = _owners[secret].Where(o => o.IsValid).ToList();
        if (valid.Count == 0)
            return null;
        var sources = valid
            .SelectMany(owner => owner.Shared is { } shared
                ? _sources.Where(s => IsUnder(s, shared.Prefix)).Select(s => new MatchedSource(s, owner.SignedBy, shared.Name))
                : [new MatchedSource(owner.Source!, owner.SignedBy, null)])
            .DistinctBy(m => m.Source.SourceId, StringComparer.Ordinal)
            .ToList();
        return new SpokenFor(Secrets[secret].Method, valid.Select(o => o.Shared?.Name).FirstOrDefault(n => n is not null), sources);
    }

    private static bool IsUnder(SourceWebhook source, string prefix) =>
        (source.RepositoryKey is { } key && RepositoryAddress.IsUnder(key, prefix))
        || (source.BitbucketServerKey is { } other && RepositoryAddress.IsUnder(other, prefix));

    private static IEnumerable<Owner> OwnersOf(SharedSecret shared)
    {
        yield return new Owner(shared.Current, "current", IsValid: true, shared, null);
        if (shared.Previous is { } previous)
            yield return new Owner(previous, "previous", shared.PreviousIsValid, shared, null);
    }

    private static IEnumerable<Owner> OwnersOf(SourceWebhook source)
    {
        if (source.Current is { } current)
            yield return new Owner(current, "current", IsValid: true, null, source);
        if (source.Previous is { } previous)
            yield return new Owner(previous, "previous", source.PreviousIsValid, null, source);
    }

    private sealed record Owner(WebhookSecret Secret, string SignedBy, bool IsValid, SharedSecret? Shared, SourceWebhook? Source);
}

/// <summary>For whom a verified delivery speaks.</summary>
/// <param name="Method">What it was verified by.</param>
/// <param name="SecretName">The organisation's secret that verified it; null: sources' own.</param>
/// <param name="Sources">The sources that it may wake.</param>
public sealed record SpokenFor(WebhookMethod Method, string? SecretName, IReadOnlyList<MatchedSource> Sources);

/// <summary>A source that a verified delivery may wake.</summary>
/// <param name="Source">The source.</param>
/// <param name="SignedBy"><c>current</c> or <c>previous</c>.</param>
/// <param name="SecretName">The organisation's secret that verified it; null: its own.</param>
public sealed record MatchedSource(SourceWebhook Source, string SignedBy, string? SecretName);
