using Ampora.Store.Sql;

namespace Ampora.Store.Webhooks;

/// <summary>What a request at a webhook's endpoint is verified against.</summary>
internal static class WebhookStatements
{
    private const string OfSource = """
        SELECT w.source_id, w.secret_version, s.ref, s.webhook_auth, w.paused,
               k.auth, k.secret_hash, k.secret_encrypted, k.username,
               k.previous_auth, k.previous_secret_hash, k.previous_secret_encrypted, k.previous_username, coalesce(k.previous_valid_until > @now, FALSE),
               s.repository_key, s.bitbucket_server_key
        FROM wakeups AS w JOIN sources AS s ON s.id = w.source_id LEFT JOIN webhook_secrets AS k ON k.source_id = w.source_id
        """;

    /// <summary>One source, its secrets' version and its secrets in one statement, so that they belong together.</summary>
    public static Statement Source { get; } = new($"{OfSource} WHERE w.source_id = @id");

    /// <summary>The sources on a repository.</summary>
    public static Statement Sources { get; } = new(
        postgres: Having("= ANY(@keys)", "= ANY(@bitbucket_server_keys)"),
        sqlite: Having("IN (SELECT value FROM json_each(@keys))", "IN (SELECT value FROM json_each(@bitbucket_server_keys))"));

    /// <summary>The sources on a Bitbucket Server's repository of which project and slug alone are known. It reads every source's key: few senders need it.</summary>
    public static Statement SourcesByName { get; } = new(
        postgres: $"{OfSource} WHERE right(s.bitbucket_server_key, length(@name)) = @name ORDER BY w.source_id LIMIT @limit",
        sqlite: $"{OfSource} WHERE substr(s.bitbucket_server_key, -length(@name)) = @name ORDER BY w.source_id LIMIT @limit");

    /// <summary>The organisations' secrets of a sender.</summary>
    public static Statement Secrets { get; } = new("""
        SELECT k.name, k.provider, k.prefix,
               k.auth, k.secret_hash, k.secret_encrypted, k.username,
               k.previous_auth, k.previous_secret_hash, k.previous_secret_encrypted, k.previous_username, coalesce(k.previous_valid_until > @now, FALSE)
        FROM shared_webhook_secrets AS k WHERE k.provider = @provider ORDER BY k.name
        """);

    private static string Having(string keys, string bitbucketServerKeys) => $"""
        {OfSource}
        WHERE w.source_id IN (
            SELECT id FROM sources WHERE repository_key {keys}
            UNION
            SELECT id FROM sources WHERE bitbucket_server_key {bitbucketServerKeys})
        ORDER BY w.source_id LIMIT @limit
        """;
}
