using Ampora.Webhooks.Addresses;

namespace Ampora.Webhooks;

/// <summary>
/// Compares repositories by their addresses, of which each has several. Keys are compared as a whole: a pattern that is not anchored at both
/// ends let <c>/org/repo</c> match in the middle of another repository's address elsewhere.
/// </summary>
public static class RepositoryAddress
{
    /// <summary>Longer than any real repository's URL.</summary>
    public const int MaxLength = 2048;

    private const string PrefixExample = "such as github.com/acme/";

    /// <summary>
    /// The key that all addresses of a repository share: host, port where HTTP has another than its own, and path, in lower case, because
    /// every host that sends payloads ignores case.
    /// </summary>
    /// <returns>The key; null when it is no address.</returns>
    public static string? KeyOf(string url)
    {
        if (RemoteAddress.Parse(url) is not { } address)
            return null;
        return (AzureDevOpsAddress.Find(address) ?? $"{address.Host}{address.Port}/{address.Path}").ToLowerInvariant();
    }

    /// <summary>
    /// The key that all addresses of a repository on Bitbucket Server share: host, project and slug. It is a namespace of its own, so that a
    /// GitLab group that is named <c>scm</c> is never taken for one.
    /// </summary>
    /// <returns>The key; null when it is none of its addresses.</returns>
    public static string? BitbucketServerKeyOf(string url) =>
        RemoteAddress.Parse(url) is { } address && BitbucketServerAddress.Find(address) is var (project, slug)
            ? $"{address.Host}/{project}/{slug}".ToLowerInvariant()
            : null;

    /// <summary>Checks an organisation's prefix, such as <c>github.com/acme/</c>.</summary>
    /// <param name="prefix">What the operator gave; a scheme before it and a missing slash after it are forgiven.</param>
    /// <param name="normalised">The prefix as keys begin with it; null when it is none.</param>
    /// <returns>Null, or what it should be.</returns>
    public static string? FindPrefixProblem(string prefix, out string? normalised)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        normalised = null;
        if (prefix.Length == 0)
            return $"The prefix is empty; give host and organisation, {PrefixExample}.";
        if (prefix.Length > MaxLength)
            return $"The prefix is longer than {MaxLength} characters.";
        if (prefix.Contains('*', StringComparison.Ordinal))
            return $"The prefix contains a *; everything under it is meant without one, {PrefixExample}.";
        if (prefix.AsSpan().ContainsAny('@', '?', '#'))
            return $"The prefix contains @, ? or #; give host and organisation alone, {PrefixExample}.";
        if (RemoteAddress.ParsePrefix(prefix.Contains("://", StringComparison.Ordinal) ? prefix : $"https://{prefix}") is not { } address
            || address.Path.Contains("//", StringComparison.Ordinal))
            return $"The prefix cannot be read; give host and organisation, {PrefixExample}.";

        var path = address.Path;
        var host = address.Host + address.Port;
        if (address.Port.Length == 0 && AzureDevOpsAddress.OrganisationOf(address.Host) is { } organisation)
        {
            // Keys have the new host alone.
            host = AzureDevOpsAddress.Host;
            path = string.Join('/', [organisation, .. AzureDevOpsAddress.WithoutCollection(path.Length > 0 ? address.Segments : [])]);
        }

        normalised = (path.Length > 0 ? $"{host}/{path}/" : $"{host}/").ToLowerInvariant();
        return null;
    }

    /// <summary>Whether a key is under a prefix, by whole segments.</summary>
    /// <param name="key">From <see cref="KeyOf"/>.</param>
    /// <param name="prefix">From <see cref="FindPrefixProblem"/>.</param>
    public static bool IsUnder(string key, string prefix)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(prefix);
        return prefix.Length > 1 && prefix[^1] == '/' && key.Length > prefix.Length && key.StartsWith(prefix, StringComparison.Ordinal);
    }

    /// <summary>Whether two addresses are of the same repository.</summary>
    public static bool Matches(string url, string other) =>
        (KeyOf(url) is { } key && key == KeyOf(other))
        || (BitbucketServerKeyOf(url) is { } server && server == BitbucketServerKeyOf(other));

    /// <summary>The host, in lower case; null when it is no address.</summary>
    internal static string? HostOf(string url) => RemoteAddress.Parse(url)?.Host;
}
