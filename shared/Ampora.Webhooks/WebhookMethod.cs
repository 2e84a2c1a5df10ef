using System.Text;

namespace Ampora.Webhooks;

/// <summary>
/// How a webhook proves who sent it. A source has one; nothing that a request carries ever chooses it, or a sender could choose the weakest.
/// </summary>
public sealed class WebhookMethod
{
    /// <summary>Longer than what any Git host takes, and short enough to hash for every request.</summary>
    public const int MaxSecretLength = 1024;

    /// <summary>As long as the user names that Git hosts take, and no more.</summary>
    public const int MaxUsernameLength = 255;

    private WebhookMethod(string name, string field, bool signs = false, bool takesUsername = false)
    {
        (Name, Field, TakesUsername) = (name, field, takesUsername);
        Signs = signs;
    }

    /// <summary>A token in Ampora's own header, or in the URL where a sender can set no header.</summary>
    public static WebhookMethod Token { get; } = new(Senders.Token, "X-Ampora-Webhook-Token header");

    /// <summary>GitHub: HMAC-SHA256 over the raw body.</summary>
    public static WebhookMethod GitHub { get; } = new(Senders.GitHub, "Secret", signs: true);

    /// <summary>GitLab: its token in a header, or its signing token as Standard Webhooks sign.</summary>
    public static WebhookMethod GitLab { get; } = new(Senders.GitLab, "Secret token");

    /// <summary>Gitea: HMAC-SHA256 over the JSON.</summary>
    public static WebhookMethod Gitea { get; } = new(Senders.Gitea, "Secret", signs: true);

    /// <summary>Forgejo: HMAC-SHA256 over the JSON.</summary>
    public static WebhookMethod Forgejo { get; } = new(Senders.Forgejo, "Secret", signs: true);

    /// <summary>Gogs: HMAC-SHA256 over the JSON.</summary>
    public static WebhookMethod Gogs { get; } = new(Senders.Gogs, "Secret", signs: true);

    /// <summary>Bitbucket Cloud: HMAC-SHA256 over the raw body, in the header in which GitHub sends SHA-1.</summary>
    public static WebhookMethod BitbucketCloud { get; } = new(Senders.BitbucketCloud, "Secret", signs: true);

    /// <summary>Bitbucket Server and Data Center: as Bitbucket Cloud, or the secret as a password.</summary>
    public static WebhookMethod BitbucketServer { get; } = new(Senders.BitbucketServer, "Secret", signs: true, takesUsername: true);

    /// <summary>Azure DevOps: a password; it signs nothing.</summary>
    public static WebhookMethod AzureDevOps { get; } = new(Senders.AzureDevOps, "Basic authentication password", takesUsername: true);

    /// <summary>Standard Webhooks: HMAC-SHA256 over id, time and raw body.</summary>
    public static WebhookMethod StandardWebhooks { get; } = new(Senders.StandardWebhooks, "Signing secret", signs: true);

    /// <summary>Every method, in the order in which they are documented.</summary>
    public static IReadOnlyList<WebhookMethod> All { get; } =
        [Token, GitHub, GitLab, Gitea, Forgejo, Gogs, BitbucketCloud, BitbucketServer, AzureDevOps, StandardWebhooks];

    /// <summary>What the API calls it: <c>github</c>, <c>bitbucket-server</c>.</summary>
    public string Name { get; }

    /// <summary>What the Git host calls the place where the secret goes.</summary>
    public string Field { get; }

    /// <summary>Whether a user name may be asked for besides the secret.</summary>
    public bool TakesUsername { get; }

    private bool Signs { get; }

    /// <summary>Finds a method by its name.</summary>
    public static WebhookMethod? Find(string name) => All.FirstOrDefault(method => method.Name == name);

    /// <summary>The method that the host of a repository is known for; <see cref="Token"/> when it is none of them.</summary>
    public static WebhookMethod DefaultFor(string repositoryUrl)
    {
        var host = RepositoryAddress.HostOf(repositoryUrl);
        return host switch
        {
            null => Token,
            "github.com" => GitHub,
            "gitlab.com" => GitLab,
            "bitbucket.org" => BitbucketCloud,
            "codeberg.org" => Forgejo,
            "gitea.com" => Gitea,
            "dev.azure.com" or "ssh.dev.azure.com" => AzureDevOps,
            _ when host.EndsWith(".visualstudio.com", StringComparison.Ordinal) => AzureDevOps,
            // A name alone, such as the one of a container, says as much as the first label of a longer one.
            _ => host.Split('.')[0] switch
            {
                "github" => GitHub,
                "gitlab" => GitLab,
                "gitea" => Gitea,
                "forgejo" => Forgejo,
                "gogs" => Gogs,
                "bitbucket" => BitbucketServer,
                _ => Token,
            },
        };
    }

    /// <summary>Checks a secret that an operator gives.</summary>
    /// <returns>Null, or what it should be; it never repeats the secret.</returns>
    public string? FindSecretProblem(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        if (secret.Length == 0)
            return "The secret is empty; give one, or leave it out and let Ampora generate it.";
        if (secret.Length > MaxSecretLength)
            return $"The secret is longer than {MaxSecretLength} characters.";
        if (secret.EnumerateRunes().Any(rune => Rune.IsControl(rune) || rune == Rune.ReplacementChar))
            return "The secret contains a line break or another control character, which was probably pasted with it.";
        if (char.IsWhiteSpace(secret[0]) || char.IsWhiteSpace(secret[^1]))
            return "The secret begins or ends with a space, which no header keeps.";
        if (SigningKey.IsMeant(this, secret))
            return SigningKey.TryRead(secret, out _) ? null : SigningKey.Shape;
        // How long it is, is the operator's: the Git host has it already, in as many hooks as there are repositories.
        return null;
    }

    /// <summary>Checks a user name that an operator gives.</summary>
    /// <returns>Null, or what it should be.</returns>
    public string? FindUsernameProblem(string username)
    {
        ArgumentNullException.ThrowIfNull(username);
        if (!TakesUsername)
            return $"Webhooks of the kind {Name} carry no user name; leave it out.";
        if (username.Length > MaxUsernameLength)
            return $"The user name is longer than {MaxUsernameLength} characters.";
        if (username.EnumerateRunes().Any(rune => Rune.IsControl(rune) || rune == Rune.ReplacementChar))
            return "The user name contains a control character, such as a line break.";
        return username.Contains(':', StringComparison.Ordinal) ? "The user name contains a colon, at which Basic authentication ends it." : null;
    }

    /// <summary>Whether the secret itself is needed to verify by it (so that it is encrypted), or only its hash.</summary>
    public bool MustBeRecovered(string secret) => Signs || SigningKey.IsMeant(this, secret);

    /// <summary>What the Git host calls the place where this secret goes: GitLab has one for each of its two kinds.</summary>
    public string FieldOf(string secret) => this == GitLab && SigningKey.IsMeant(this, secret) ? "Signing token" : Field;

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
