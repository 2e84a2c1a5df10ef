using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ampora.Webhooks.Tests;

/// <summary>Credentials as senders make them, over one small body.</summary>
internal static class Signing
{
    public const string Secret = "It's a Secret to Everybody";
    public const string Other = "It's another Secret entirely";
    public const string SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    public const string OtherSigningSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    public const string Body = """{"ref":"refs/heads/main"}""";
    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1614265330);

    public static string SecretFor(string method, int number) =>
        method == "standard-webhooks" ? (number == 0 ? SigningSecret : OtherSigningSecret) : number == 0 ? Secret : Other;

    public static (string, string)[] CredentialsOf(string method, string secret) => method switch
    {
        "token" => [("X-Ampora-Webhook-Token", secret)],
        "github" => [("X-Hub-Signature-256", "sha256=" + Requests.Hmac(secret, Body))],
        "gitlab" => [("X-Gitlab-Token", secret)],
        "gitea" => [("X-Gitea-Signature", Requests.Hmac(secret, Body))],
        "forgejo" => [("X-Forgejo-Signature", Requests.Hmac(secret, Body))],
        "gogs" => [("X-Gogs-Signature", Requests.Hmac(secret, Body))],
        "bitbucket-cloud" or "bitbucket-server" => [("X-Hub-Signature", "sha256=" + Requests.Hmac(secret, Body))],
        "azure-devops" => [("Authorization", Requests.Basic("anyone", secret))],
        _ => Signed("1", Seconds(0), secret.StartsWith("whsec_", StringComparison.Ordinal) ? Sign(secret, "1", Seconds(0), Body) : "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    };

    public static (string, string)[] Signed(string id, string timestamp, string signature) =>
        [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];

    public static string Seconds(int after) => Now.AddSeconds(after).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    public static string Sign(string secret, string id, string timestamp, string body) =>
        "v1," + Convert.ToBase64String(HMACSHA256.HashData(
            Convert.FromBase64String(secret["whsec_".Length..]), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}")));

    public static Verification Verify(string method, string secret, string body, params (string, string)[] headers) =>
        VerifyBy(WebhookSecret.Of(WebhookMethod.Find(method)!, secret, null), body, headers);

    public static Verification VerifyBy(WebhookSecret secret, string body, params (string, string)[] headers) =>
        WebhookVerification.Verify(PresentedCredentials.Of(Requests.Headers(headers), default), Requests.Body(body), [secret], Now);

    public static void Accepts(Verification verification) => Assert.Equal(new Verification(0, null, null), verification);

    public static void Refuses(string reason, Verification verification)
    {
        Assert.Equal(reason, verification.Reason);
        Assert.Null(verification.Secret);
        Assert.NotNull(verification.Detail);
    }
}
