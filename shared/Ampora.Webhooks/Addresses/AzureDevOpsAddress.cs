namespace Ampora.Webhooks.Addresses;

/// <summary>The addresses of a repository on Azure DevOps, which has three hosts and several forms of path for each.</summary>
internal static class AzureDevOpsAddress
{
    public const string Host = "dev.azure.com";
    private const string OldHosts = ".visualstudio.com";
    private const string DefaultCollection = "DefaultCollection";

    /// <summary>Host and path in the one form that stands for all; null when it is no repository there.</summary>
    public static string? Find(RemoteAddress address)
    {
        if (address.Port.Length > 0)
            return null;
        var segments = address.Segments;
        return address.Host switch
        {
            "ssh.dev.azure.com" or "vs-ssh.visualstudio.com" =>
                segments is ["v3", var organisation, var project, var repository] ? Of(organisation, project, repository) : null,
            Host => segments is [var organisation, .. var rest] ? Of(organisation, rest) : null,
            _ => OrganisationOf(address.Host) is { } organisation ? Of(organisation, segments) : null,
        };
    }

    /// <summary>The organisation whose old host name this is; null when it is none.</summary>
    public static string? OrganisationOf(string host) =>
        host.EndsWith(OldHosts, StringComparison.Ordinal) && host.IndexOf('.', StringComparison.Ordinal) == host.Length - OldHosts.Length
            ? host[..^OldHosts.Length]
            : null;

    /// <summary>The organisation whose repository this address of the API is; null when it is none.</summary>
    public static string? OrganisationOfApi(string? api) => RemoteAddress.Parse(api) switch
    {
        { Host: Host, Port: "", Segments: [{ Length: > 0 } organisation, _, ..] } => Uri.EscapeDataString(organisation),
        { Port: "" } address => OrganisationOf(address.Host),
        _ => null,
    };

    /// <summary>What follows the organisation, without the collection that is always the same.</summary>
    public static ReadOnlySpan<string> WithoutCollection(ReadOnlySpan<string> segments) =>
        segments.Length > 0 && segments[0].Equals(DefaultCollection, StringComparison.OrdinalIgnoreCase) ? segments[1..] : segments;

    private static string? Of(string organisation, ReadOnlySpan<string> rest)
    {
        rest = WithoutCollection(rest);
        // A repository that is named like its project is addressed without it.
        string? project = null;
        if (rest.Length > 0 && rest[0] is not ("_git" or "_ssh"))
        {
            project = rest[0];
            rest = rest[1..];
        }

        return rest switch
        {
            ["_git" or "_ssh", var repository] => Of(organisation, project ?? repository, repository),
            ["_git" or "_ssh", "_full" or "_optimized", var repository] => Of(organisation, project ?? repository, repository),
            _ => null,
        };
    }

    private static string? Of(string organisation, string project, string repository) =>
        organisation.Length > 0 && project.Length > 0 && repository.Length > 0 ? $"{Host}/{organisation}/{project}/_git/{repository}" : null;
}
