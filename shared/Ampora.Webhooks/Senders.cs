using System.Buffers;
using Ampora.Webhooks.Payloads;
using Microsoft.AspNetCore.Http;

namespace Ampora.Webhooks;

/// <summary>Who sends webhooks, and how each is told.</summary>
public static class Senders
{
    /// <summary>GitHub.</summary>
    public const string GitHub = "github";

    /// <summary>GitLab.</summary>
    public const string GitLab = "gitlab";

    /// <summary>Gitea.</summary>
    public const string Gitea = "gitea";

    /// <summary>Forgejo.</summary>
    public const string Forgejo = "forgejo";

    /// <summary>Gogs.</summary>
    public const string Gogs = "gogs";

    /// <summary>Bitbucket Cloud.</summary>
    public const string BitbucketCloud = "bitbucket-cloud";

    /// <summary>Bitbucket Server and Data Center.</summary>
    public const string BitbucketServer = "bitbucket-server";

    /// <summary>Azure DevOps.</summary>
    public const string AzureDevOps = "azure-devops";

    /// <summary>Anyone who signs as Standard Webhooks do.</summary>
    public const string StandardWebhooks = "standard-webhooks";

    /// <summary>Amazon SNS.</summary>
    public const string AwsSns = "aws-sns";

    /// <summary>Gerrit's webhooks plugin.</summary>
    public const string Gerrit = "gerrit";

    /// <summary>Nobody known: whoever has the token.</summary>
    public const string Token = "token";

    // The order tells forks from their origin: Gogs, Gitea and Forgejo also send GitHub's header, Forgejo also Gitea's, and GitLab may sign as Standard Webhooks do.
    private static readonly (string Header, string Sender)[] Signs =
    [
        ("X-Forgejo-Event", Forgejo),
        ("X-Gitea-Event", Gitea),
        ("X-Gogs-Event", Gogs),
        ("X-GitHub-Event", GitHub),
        ("X-Gitlab-Event", GitLab),
        ("X-Hook-UUID", BitbucketCloud),
        ("X-Event-Key", BitbucketServer),
        ("x-amz-sns-message-type", AwsSns),
        ("webhook-signature", StandardWebhooks),
    ];

    /// <summary>The sender by its headers; null when they do not tell.</summary>
    public static string? Recognise(IHeaderDictionary headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        foreach (var (header, sender) in Signs)
        {
            if (headers.TryGetValue(header, out var values) && values.Count > 0)
                return sender;
        }

        return null;
    }

    /// <summary>The sender by its body, for those whose headers do not tell: Azure DevOps and Gerrit. Null when it does not tell or is no JSON.</summary>
    public static string? RecogniseBody(ReadOnlySequence<byte> json) => BodySigns.Find(json);

    /// <summary>The sender for metrics: one of a few, whatever came.</summary>
    public static string Label(IHeaderDictionary headers) => Recognise(headers) ?? Token;
}
