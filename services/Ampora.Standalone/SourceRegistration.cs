using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ampora.Git;

namespace Ampora.Standalone;

/// <summary>The source that the command line asked for, registered.</summary>
/// <param name="Id">Its slug.</param>
/// <param name="Url">Its repository.</param>
/// <param name="Ref">The ref that it follows.</param>
/// <param name="Webhook">How its Git host sends webhooks.</param>
internal sealed record RegisteredSource(string Id, string Url, string Ref, RegisteredWebhook Webhook);

/// <summary>The webhook of the source.</summary>
/// <param name="Url">Where its Git host sends webhooks.</param>
/// <param name="Auth">How they are authenticated: <c>token</c>, <c>github</c>, …</param>
/// <param name="Field">Where the Git host wants the secret.</param>
/// <param name="Secret">The secret, when it was generated just now.</param>
internal sealed record RegisteredWebhook(string Url, string Auth, string Field, string? Secret)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => $"{Auth} {Url}";
}

/// <summary>Registers the source of the command line, or brings the one that is there in line with it.</summary>
internal static partial class SourceRegistration
{
    private const string Sources = "api/git/sources";
    private const int MaxSlugLength = 63;

    /// <summary>Finds, makes or changes the source, and sees that its webhook has a secret.</summary>
    /// <param name="api">The management API.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="credential">What an earlier start applied of it, by the source's slug.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<RegisteredSource> RegisterAsync(
        LocalApi api, StandaloneOptions options, Func<string, AppliedCredential> credential, CancellationToken cancellationToken)
    {
        var (found, ids) = await FindAsync(api, options.Source!, cancellationToken);
        var id = (string?)found?["id"] ?? FreeId(options.Source!, ids);
        var applied = options.Username is null && options.Ssh is null ? null : credential(id);
        var source = found is null
            ? await api.SendAsync(HttpMethod.Post, Sources, Wanted(options, id), cancellationToken)
            : await ChangeAsync(api, found, options, found["credential"] is not null && applied is { IsSame: true }, cancellationToken);
        applied?.Note();

        var webhook = source["webhook"]!;
        var made = (bool)webhook["hasSecret"]! ? null : await api.SendAsync(HttpMethod.Post, $"{Sources}/{id}/webhook/token", null, cancellationToken);
        return new RegisteredSource(
            id,
            (string)source["url"]!,
            (string)source["ref"]!,
            new RegisteredWebhook((string)webhook["url"]!, (string)webhook["auth"]!, (string?)made?["field"] ?? (string)webhook["field"]!, (string?)made?["token"]));
    }

    /// <summary>The slug of a repository's name.</summary>
    internal static string Slug(GitUrl url)
    {
        var name = Uri.UnescapeDataString(Trimmed(url).Split('/', ':')[^1]).ToLowerInvariant();
        var slug = NotSlug().Replace(name, "-").Trim('-');
        return slug.Length == 0 ? "source" : slug[..Math.Min(slug.Length, MaxSlugLength)].TrimEnd('-');
    }

    private static async Task<(JsonNode? Found, HashSet<string> Ids)> FindAsync(LocalApi api, GitUrl url, CancellationToken cancellationToken)
    {
        JsonNode? found = null;
        var ids = new HashSet<string>(StringComparer.Ordinal);
        string? cursor = null;
        do
        {
            var page = await api.GetAsync($"{Sources}?limit=200" + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}"), cancellationToken);
            foreach (var source in page!["items"]!.AsArray())
            {
                ids.Add((string)source!["id"]!);
                // Of several for one repository, the one that this command would have made.
                if (IsSame(url, (string)source["url"]!) && (found is null || (string)source["id"]! == Slug(url)))
                    found = source;
            }

            cursor = (string?)page["next"];
        }
        while (cursor is not null);
        return (found, ids);
    }

    private static async Task<JsonNode> ChangeAsync(LocalApi api, JsonNode found, StandaloneOptions options, bool sameCredential, CancellationToken cancellationToken)
    {
        var wanted = Wanted(options, id: null);
        wanted.Remove("url");
        if (sameCredential)
            wanted.Remove("credential");
        return wanted.Count == 0 ? found : await api.SendAsync(HttpMethod.Patch, $"{Sources}/{found["id"]}", wanted, cancellationToken);
    }

    private static JsonObject Wanted(StandaloneOptions options, string? id)
    {
        var wanted = new JsonObject { ["url"] = options.Source!.ToString() };
        if (id is not null)
            wanted["id"] = id;
        if (options.Ref is not null)
            wanted["ref"] = options.Ref;
        if (options.Username is not null)
            wanted["credential"] = new JsonObject { ["type"] = "basic", ["username"] = options.Username, ["password"] = options.Password };
        if (options.Ssh is not null)
            wanted["credential"] = options.Ssh.ToJson();
        return wanted;
    }

    private static string FreeId(GitUrl url, HashSet<string> ids)
    {
        var slug = Slug(url);
        for (var number = 2; ; number++)
        {
            if (!ids.Contains(slug))
                return slug;
            var suffix = $"-{number}";
            slug = Slug(url) is var plain && plain.Length + suffix.Length > MaxSlugLength ? plain[..(MaxSlugLength - suffix.Length)] + suffix : plain + suffix;
        }
    }

    private static bool IsSame(GitUrl url, string registered) =>
        GitUrl.TryParse(registered, out var other) is null && url.Authority == other!.Authority && url.SshUser == other.SshUser && Trimmed(url) == Trimmed(other);

    // Over SSH a path without a slash in front begins at the user's home, and is another one.
    private static string Trimmed(GitUrl url)
    {
        var path = (url.SshPath ?? url.Uri.AbsolutePath.TrimStart('/')).TrimEnd('/');
        return path.EndsWith(".git", StringComparison.Ordinal) ? path[..^".git".Length] : path;
    }

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotSlug();
}
