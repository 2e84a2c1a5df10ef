namespace Ampora.Webhooks.Addresses;

/// <summary>The addresses of a repository on Bitbucket Server, which may live under one segment of context and is named otherwise by HTTP, SSH and in the browser.</summary>
internal static class BitbucketServerAddress
{
    /// <summary>Project and slug; null when it is none of its addresses.</summary>
    public static (string Project, string Slug)? Find(RemoteAddress address)
    {
        var segments = address.Segments;
        var found = address.IsSsh
            ? segments is [var project, var slug] ? (project, slug) : null
            : Of(segments) ?? (segments.Length > 1 ? Of(segments.AsSpan(1)) : null);
        return found is { project.Length: > 0, slug.Length: > 0 } ? found : null;
    }

    /// <summary>Where a server is, given the page of one of its projects or users; null when it is none.</summary>
    public static string? FindSite(string page) => RemoteAddress.Parse(page) is not { IsSsh: false } address ? null : address.Segments switch
    {
        ["projects" or "users", _] => $"https://{address.Host}{address.Port}",
        [var context, "projects" or "users", _] => $"https://{address.Host}{address.Port}/{Uri.EscapeDataString(context)}",
        _ => null,
    };

    private static (string project, string slug)? Of(ReadOnlySpan<string> segments) => segments switch
    {
        ["scm", var project, var slug] => (project, slug),
        ["projects", var project, "repos", var slug] => (project, slug),
        ["projects", var project, "repos", var slug, "browse"] => (project, slug),
        ["users", var user, "repos", var slug] => ("~" + user, slug),
        ["users", var user, "repos", var slug, "browse"] => ("~" + user, slug),
        _ => null,
    };
}
