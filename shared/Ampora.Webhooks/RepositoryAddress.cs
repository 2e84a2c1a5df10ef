namespace Ampora.Webhooks;

/// <summary>Compares repositories by their addresses, of which each has several.</summary>
public static class RepositoryAddress
{
    /// <summary>Longer than any real repository's URL.</summary>
    public const int MaxLength = 2048;

    /// <summary>The key that all addresses of a repository share; null when it is no address.</summary>
    public static string? KeyOf(string url) => throw new NotImplementedException();

    /// <summary>The key that all addresses of a repository on Bitbucket Server share; null when it is none of its addresses.</summary>
    public static string? BitbucketServerKeyOf(string url) => throw new NotImplementedException();

    /// <summary>Checks an organisation's prefix, such as <c>github.com/acme/</c>.</summary>
    /// <param name="prefix">What the operator gave.</param>
    /// <param name="normalised">The prefix as keys begin with it; null when it is none.</param>
    /// <returns>Null, or what it should be.</returns>
    public static string? FindPrefixProblem(string prefix, out string? normalised) => throw new NotImplementedException();

    /// <summary>Whether a key is under a normalised prefix, by whole segments.</summary>
    public static bool IsUnder(string key, string prefix) => throw new NotImplementedException();

    /// <summary>Whether two addresses are of the same repository.</summary>
    public static bool Matches(string url, string other) => throw new NotImplementedException();

    internal static string? HostOf(string url) => throw new NotImplementedException();
}
