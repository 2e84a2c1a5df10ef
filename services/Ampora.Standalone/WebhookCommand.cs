using System.Text;

namespace Ampora.Standalone;

/// <summary>
/// The command that sends a webhook as the source's Git host does, ready to be pasted: curl, and openssl where the host signs. The secret is in it, as it is in
/// the line above it; it is shown to whoever started this process, once.
/// </summary>
internal static class WebhookCommand
{
    /// <summary>The method of which the token itself is sent.</summary>
    public const string Token = "token";

    // No event and no ref: what it says is "look again", whichever ref the source follows.
    private const string Body = "{}";

    private const string Curl = "curl -sS -X POST";
    private const string Json = $"-H 'Content-Type: application/json' -d '{Body}'";

    /// <summary>The command for a method of authentication.</summary>
    /// <param name="auth">The method.</param>
    /// <param name="url">Where the webhook goes.</param>
    /// <param name="secret">The secret; Ampora made it, so that it needs no quoting within quotes.</param>
    public static string Of(string auth, string url, string secret) => auth switch
    {
        "github" => Signed("X-Hub-Signature-256: sha256=", url, secret),
        "gitea" => Signed("X-Gitea-Signature: ", url, secret),
        "forgejo" => Signed("X-Forgejo-Signature: ", url, secret),
        "gogs" => Signed("X-Gogs-Signature: ", url, secret),
        "bitbucket-cloud" or "bitbucket-server" => Signed("X-Hub-Signature: sha256=", url, secret),
        "gitlab" => $"{Curl} -H 'X-Gitlab-Token: {secret}' {url}",
        "azure-devops" => $"{Curl} -u 'ampora:{secret}' {url}",
        "standard-webhooks" => StandardWebhook(url, secret),
        _ => $"{Curl} -H 'X-Ampora-Webhook-Token: {secret}' {url}",
    };

    // What openssl prints before the digest differs between its versions; the digest is the last word of the line in all of them.
    private static string Signed(string header, string url, string secret) =>
        $"{Curl} {Json} -H \"{header}$(printf %s '{Body}' | openssl dgst -sha256 -hmac '{secret}' | sed 's/.* //')\" {url}";

    private static string StandardWebhook(string url, string secret)
    {
        const string prefix = "whsec_";
        var key = Convert.ToHexStringLower(Convert.FromBase64String(secret.StartsWith(prefix, StringComparison.Ordinal) ? secret[prefix.Length..] : secret));
        var command = new StringBuilder();
        command.Append("t=$(date +%s); ").Append(Curl).Append(' ').Append(Json);
        command.Append(" -H \"webhook-id: msg_$t\" -H \"webhook-timestamp: $t\"");
        command.Append($" -H \"webhook-signature: v1,$(printf %s \"msg_$t.$t.\"'{Body}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:{key} -binary | base64)\" {url}");
        return command.ToString();
    }
}
