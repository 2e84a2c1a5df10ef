namespace Ampora.Console.Http;

/// <summary>The address that clients and Git hosts reach Ampora by.</summary>
/// <param name="publicUrl">The setting <c>Ampora__PublicUrl</c>; null: as each request came.</param>
/// <param name="pathPrefix">The gateway's path prefix; empty for none.</param>
internal sealed class PublicAddress(Uri? publicUrl, string pathPrefix)
{
    private const string UrlSetting = "Ampora:PublicUrl";
    private const string PrefixSetting = "Ampora:Gateway:PathPrefix";

    /// <summary>Reads the settings.</summary>
    /// <returns>The address, and what is wrong with the settings, if anything is.</returns>
    public static (PublicAddress Address, string? Problem) Read(IConfiguration configuration)
    {
        var text = configuration[UrlSetting];
        var prefix = (configuration[PrefixSetting] ?? "").Trim('/');
        prefix = prefix.Length == 0 ? "" : "/" + prefix;
        if (string.IsNullOrWhiteSpace(text))
            return (new PublicAddress(null, prefix), null);
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url is { Query: "", Fragment: "", UserInfo: "" })
            return (new PublicAddress(url, prefix), null);
        return (new PublicAddress(null, prefix), "Ampora__PublicUrl should be an http or https address without query, such as https://ampora.example.com");
    }

    /// <summary>Where a source's webhooks go.</summary>
    /// <param name="request">The request that asks; null when none does.</param>
    /// <param name="sourceId">The slug.</param>
    public string OfWebhook(HttpRequest? request, string sourceId) => $"{Root(request)}/api/git/webhook/{sourceId}";

    /// <summary>Where the webhooks of an organisation go, for all its repositories.</summary>
    /// <param name="request">The request that asks.</param>
    public string OfSharedWebhook(HttpRequest request) => $"{Root(request)}/api/git/webhook";

    /// <summary>Whether the client came by TLS, as far as is known behind a gateway.</summary>
    public bool IsHttps(HttpRequest request) => request.IsHttps || publicUrl?.Scheme == "https";

    private string Root(HttpRequest? request)
    {
        var root = publicUrl is not null ? publicUrl.ToString().TrimEnd('/')
            : request is not null ? $"{request.Scheme}://{request.Host}{request.PathBase}".TrimEnd('/')
            : "";
        return root.EndsWith(pathPrefix, StringComparison.Ordinal) ? root : root + pathPrefix;
    }
}
