using Ampora.Webhooks.Verifying;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks;

/// <summary>What a request brought to prove who sent it. Tokens and passwords are hashed at once, so that nothing behind can log them.</summary>
public sealed class PresentedCredentials
{
    /// <summary>The header of Ampora's own token.</summary>
    public const string TokenHeader = "X-Ampora-Webhook-Token";

    private PresentedCredentials(IHeaderDictionary headers, StringValues queryToken)
    {
        Token = PresentedToken.Of(headers.TryGetValue(TokenHeader, out var token) && token.Count > 0 ? token : queryToken);
        GitLabToken = PresentedToken.Of(headers["X-Gitlab-Token"]);
        Basic = BasicCredentials.Of(headers.Authorization);
        GitHub = HexSignature.Of(headers["X-Hub-Signature-256"], HexSignature.Sha256);
        Hub = HexSignature.Of(headers["X-Hub-Signature"], HexSignature.Sha256);
        Gitea = HexSignature.Of(headers["X-Gitea-Signature"], "");
        Forgejo = HexSignature.Of(headers["X-Forgejo-Signature"], "");
        Gogs = HexSignature.Of(headers["X-Gogs-Signature"], "");
        Standard = StandardSignature.Of(headers);
        IsBitbucketPing = headers["X-Event-Key"] == "diagnostics:ping";
    }

    /// <summary>
    /// Whether a signature came that can only be checked with the body. It depends on the request alone, or it would tell which sources
    /// exist; a signature that verifies nothing, whatever the body is, does not count.
    /// </summary>
    public bool NeedsBody => HasHexSignature || Standard.IsReadable;

    /// <summary>Whether nothing came that could ever verify a sender, whatever the secrets and the body are.</summary>
    public bool IsEmpty => !NeedsBody && !Token.Came && !GitLabToken.Came && !Basic.Came;

    internal PresentedToken Token { get; }

    internal PresentedToken GitLabToken { get; }

    internal BasicCredentials Basic { get; }

    /// <summary><c>X-Hub-Signature-256</c>, which GitHub sends and its likes too.</summary>
    internal HexSignature GitHub { get; }

    /// <summary><c>X-Hub-Signature</c>: SHA-1 from GitHub, SHA-256 from Bitbucket.</summary>
    internal HexSignature Hub { get; }

    internal HexSignature Gitea { get; }

    internal HexSignature Forgejo { get; }

    internal HexSignature Gogs { get; }

    internal StandardSignature Standard { get; }

    internal bool IsBitbucketPing { get; }

    internal bool HasHexSignature => GitHub.IsReadable || Hub.IsReadable || Gitea.IsReadable || Forgejo.IsReadable || Gogs.IsReadable;

    /// <summary>Takes the credentials from a request.</summary>
    /// <param name="headers">Its headers.</param>
    /// <param name="queryToken">The values of <c>?token=</c>, for senders that can set no header.</param>
    public static PresentedCredentials Of(IHeaderDictionary headers, StringValues queryToken)
    {
        ArgumentNullException.ThrowIfNull(headers);
        return new PresentedCredentials(headers, queryToken);
    }
}
