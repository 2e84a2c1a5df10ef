using System.Security.Cryptography;
using System.Text;

namespace Ampora.Webhooks.Verifying;

/// <summary>What one secret says about a request.</summary>
/// <param name="Reason">Null when it verifies it.</param>
/// <param name="Detail">The reason in words.</param>
/// <param name="Came">Whether credentials of its method came at all.</param>
internal readonly record struct Judgement(string? Reason, string? Detail, bool Came)
{
    private static readonly byte[] NoHash = SHA256.HashData("nothing that is ever kept"u8);

    public static Judgement Of(WebhookSecret secret, PresentedCredentials presented, WebhookBody body, BodyDigests digests, DateTimeOffset now) => secret.Method.Name switch
    {
        Senders.Token => OfToken(secret, presented.Token, RefusalReasons.TokenMissing, "X-Ampora-Webhook-Token", presented),
        Senders.GitHub => OfGitHub(secret, presented, digests),
        Senders.GitLab when secret.Key is null => OfToken(secret, presented.GitLabToken, RefusalReasons.TokenMissing, "X-Gitlab-Token", presented),
        Senders.GitLab or Senders.StandardWebhooks => OfStandard(secret, presented, digests, now),
        Senders.Gitea => OfSignature(secret, First(presented.Gitea, presented.GitHub), digests.Json, "X-Gitea-Signature", presented, body),
        Senders.Forgejo => OfSignature(secret, First(presented.Forgejo, presented.Gitea, presented.GitHub), digests.Json, "X-Forgejo-Signature", presented, body),
        Senders.Gogs => OfSignature(secret, presented.Gogs, digests.Json, "X-Gogs-Signature", presented, body),
        Senders.BitbucketCloud => OfSignature(secret, presented.Hub, digests.Raw, "X-Hub-Signature: sha256=…", presented, body: null),
        Senders.BitbucketServer => OfBitbucketServer(secret, presented, digests),
        Senders.AzureDevOps => OfPassword(secret, presented),
        _ => new Judgement(RefusalReasons.MethodMismatch, "The source's method is unknown.", false),
    };

    private static Judgement OfToken(WebhookSecret secret, PresentedToken token, string missing, string header, PresentedCredentials presented)
    {
        var isSame = CryptographicOperations.FixedTimeEquals(token.Hash, secret.Hash ?? NoHash);
        return token.State switch
        {
            HeaderState.Repeated => Refused(RefusalReasons.TokenRepeated, $"{header} came more than once."),
            HeaderState.Readable when isSame && secret.Hash is { Length: > 0 } => Verified,
            HeaderState.Readable => Refused(RefusalReasons.TokenMismatch, $"The token in {header} is another one."),
            HeaderState.Empty => Missing(missing, $"{header} came empty.", header, presented),
            _ => Missing(missing, $"No {header} came.", header, presented),
        };
    }

    private static Judgement OfGitHub(WebhookSecret secret, PresentedCredentials presented, BodyDigests digests) =>
        presented is { GitHub.State: HeaderState.Missing, Hub.IsSha1: true }
            ? new Judgement(RefusalReasons.SignatureMissing, "Only X-Hub-Signature with SHA-1 came; X-Hub-Signature-256 is what counts.", false)
            : OfSignature(secret, presented.GitHub, digests.Raw, "X-Hub-Signature-256", presented, body: null);

    private static Judgement OfBitbucketServer(WebhookSecret secret, PresentedCredentials presented, BodyDigests digests)
    {
        if (presented.Hub.State != HeaderState.Missing && !presented.Hub.IsSha1)
            return OfSignature(secret, presented.Hub, digests.Raw, "X-Hub-Signature: sha256=…", presented, body: null);
        if (presented.Basic.State != HeaderState.Missing)
            return OfPassword(secret, presented);
        return presented.IsBitbucketPing
            ? new Judgement(RefusalReasons.PingUnsigned, "Bitbucket's test of the connection came unsigned, as it does; a push is signed. Nothing unsigned gets in.", false)
            : OfSignature(secret, presented.Hub, digests.Raw, "X-Hub-Signature: sha256=…", presented, body: null);
    }

    private static Judgement OfSignature(
        WebhookSecret secret, HexSignature signature, byte[] expected, string header, PresentedCredentials presented, WebhookBody? body)
    {
        var isSame = CryptographicOperations.FixedTimeEquals(signature.Digest, expected);
        return signature.State switch
        {
            HeaderState.Missing => Missing(RefusalReasons.SignatureMissing, $"No {header} came: the sender has no secret.", header, presented),
            HeaderState.Empty => new Judgement(RefusalReasons.SignatureEmpty, $"{header} came empty: the sender has no secret.", true),
            HeaderState.Repeated => Refused(RefusalReasons.SignatureRepeated, $"{header} came more than once."),
            HeaderState.Malformed when signature.IsSha1 => Missing(RefusalReasons.SignatureMissing, "Only a SHA-1 signature came, which counts for nothing.", header, presented),
            HeaderState.Malformed => Refused(RefusalReasons.SignatureMalformed, $"{header} does not hold the 64 hexadecimal digits that it should."),
            _ when isSame && secret.Key is { Length: > 0 } && expected.Length > 0 => Verified,
            _ when body is { IsForm: true } && !body.TryGetJson(out _) =>
                Refused(RefusalReasons.SignatureMismatch, "The signature is over the form's field payload, which is missing, repeated or cannot be decoded."),
            _ => Refused(RefusalReasons.SignatureMismatch, "The signature was made with another secret or of another body; a proxy may have changed the body."),
        };
    }

    private static Judgement OfStandard(WebhookSecret secret, PresentedCredentials presented, BodyDigests digests, DateTimeOffset now)
    {
        var signature = presented.Standard;
        var isSame = false;
        foreach (var digest in signature.Digests)
            isSame |= CryptographicOperations.FixedTimeEquals(digest, digests.Standard);
        if (signature.State is HeaderState.Missing)
            return Missing(RefusalReasons.SignatureMissing, "No webhook-signature came.", "webhook-signature", presented);
        if (signature.State is HeaderState.Empty)
            return new Judgement(RefusalReasons.SignatureEmpty, "webhook-signature came empty: the sender has no secret.", true);
        if (signature.State is HeaderState.Repeated || signature.Id is HeaderState.Repeated || signature.Timestamp is HeaderState.Repeated)
            return Refused(RefusalReasons.SignatureRepeated, "webhook-signature, webhook-id or webhook-timestamp came more than once.");
        if (signature.State is HeaderState.Malformed)
            return Refused(RefusalReasons.SignatureMalformed, "webhook-signature holds no v1 signature that can be read.");
        if (signature.Timestamp is HeaderState.Missing or HeaderState.Empty)
            return Refused(RefusalReasons.TimestampMissing, "No webhook-timestamp came with the signature.");
        if (signature.Timestamp is HeaderState.Malformed)
            return Refused(RefusalReasons.TimestampMalformed, "webhook-timestamp is no number of seconds.");
        if (signature.Id is not HeaderState.Readable)
            return Refused(RefusalReasons.SignatureMalformed, "No webhook-id came with the signature, which is over it too.");
        if (!signature.IsTimely(now))
        {
            return Refused(
                RefusalReasons.TimestampOutsideWindow,
                $"webhook-timestamp is more than {StandardSignature.WindowSeconds} seconds from this machine's time: a clock is wrong, or an old delivery was replayed.");
        }

        return isSame && secret.Key is { Length: > 0 }
            ? Verified
            : Refused(RefusalReasons.SignatureMismatch, "The signature was made with another secret or of another body; a proxy may have changed the body.");
    }

    private static Judgement OfPassword(WebhookSecret secret, PresentedCredentials presented)
    {
        var basic = presented.Basic;
        // Both are always compared, so that the time does not tell which of them was wrong.
        var isPassword = CryptographicOperations.FixedTimeEquals(basic.PasswordHash, secret.Hash ?? SHA256.HashData(secret.Key ?? []));
        var isUser = CryptographicOperations.FixedTimeEquals(basic.UsernameHash, SHA256.HashData(Encoding.UTF8.GetBytes(secret.Username ?? ""))) | secret.Username is null;
        return basic.State switch
        {
            HeaderState.Missing => Missing(RefusalReasons.PasswordMissing, "No password came by Basic authentication.", "Basic authentication", presented),
            HeaderState.Repeated => Refused(RefusalReasons.PasswordMismatch, "Authorization came more than once."),
            HeaderState.Empty or HeaderState.Malformed => new Judgement(RefusalReasons.PasswordMissing, "Authorization: Basic came without a password that can be read.", true),
            _ when isPassword && isUser && secret is { Hash.Length: > 0 } or { Key.Length: > 0 } => Verified,
            _ => Refused(RefusalReasons.PasswordMismatch, isPassword ? "The password is right, but came with another user name." : "The password is another one."),
        };
    }

    // The first that came decides, even when it is empty: a sender that has several signs all of them.
    private static HexSignature First(params ReadOnlySpan<HexSignature> signatures)
    {
        foreach (var signature in signatures)
        {
            if (signature.State != HeaderState.Missing)
                return signature;
        }

        return signatures[0];
    }

    private static Judgement Verified => new(null, null, true);

    private static Judgement Refused(string reason, string detail) => new(reason, detail, true);

    private static Judgement Missing(string reason, string detail, string expected, PresentedCredentials presented) =>
        WhatCame(presented) is { } other
            ? new Judgement(RefusalReasons.MethodMismatch, $"{other} came, but {expected} is what counts here.", false)
            : new Judgement(reason, detail, false);

    // Of a sender that signs in several ways, the one that it alone has.
    private static string? WhatCame(PresentedCredentials presented) => presented switch
    {
        { Forgejo.Came: true } => "A Forgejo signature",
        { Gitea.Came: true } => "A Gitea signature",
        { Gogs.Came: true } => "A Gogs signature",
        { GitHub.Came: true } => "A GitHub signature",
        { Hub.Came: true } => "A Bitbucket signature",
        { Standard.Came: true } => "A Standard Webhooks signature",
        { GitLabToken.Came: true } => "A GitLab token",
        { Token.Came: true } => "An Ampora webhook token",
        { Basic.Came: true } => "A password by Basic authentication",
        _ => null,
    };
}
