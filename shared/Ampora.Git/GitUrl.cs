namespace Ampora.Git;

/// <summary>A repository's URL that is safe to use: https or http here; ssh follows with its transport. It never holds a credential.</summary>
public sealed record GitUrl
{
    private GitUrl(Uri uri) => Uri = uri;

    /// <summary>The URL as a URI.</summary>
    public Uri Uri { get; }

    /// <summary>Lower-case host name and port, with the scheme's default filled in: what checks at once are counted by.</summary>
    public string HostAndPort => throw new NotImplementedException();

    /// <summary>Scheme, host and port: where a credential that was given for this URL may be sent.</summary>
    public string Authority => throw new NotImplementedException();

    /// <summary>Reads a URL.</summary>
    /// <param name="text">What the operator gave.</param>
    /// <param name="url">The URL, when it is one.</param>
    /// <returns>Null, or why it is refused and what it should be; it never repeats a credential.</returns>
    public static string? TryParse(string? text, out GitUrl? url) => throw new NotImplementedException();

    /// <summary>The URL; there is nothing in it to hide.</summary>
    public override string ToString() => Uri.ToString();
}
