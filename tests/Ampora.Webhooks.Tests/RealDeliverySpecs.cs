using System.Buffers;
using System.Text;
using static Ampora.Webhooks.Tests.Signing;

namespace Ampora.Webhooks.Tests;

/// <summary>Every payload as its sender sends it: signed it verifies, and with anything changed it does not.</summary>
public sealed class RealDeliverySpecs
{
    // GitHub, Gitea and Gogs may be set to send forms; the others send JSON alone.
    private static readonly string[] SendForms = [Senders.GitHub, Senders.Gitea, Senders.Gogs];

    public static TheoryData<string> Files => [.. RealPayloadSpecs.Rows.Select(row => row.Data.Item1)];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_signed_payload_verifies_and_nothing_else_does(string file)
    {
        var sender = file.Split('/')[0];
        var json = RealPayloads.Read(file);
        Verifies(sender, json, json, "application/json");
        if (!SendForms.Contains(sender))
            return;
        var form = Encoding.UTF8.GetBytes("payload=" + Uri.EscapeDataString(Encoding.UTF8.GetString(json)).Replace("%20", "+", StringComparison.Ordinal));
        Verifies(sender, form, sender == Senders.GitHub ? form : json, Requests.Form);
        Assert.True(new WebhookBody(new(form), Requests.Form).TryGetJson(out var decoded));
        Assert.Equal(json, decoded.ToArray());
    }

    private static void Verifies(string sender, byte[] body, byte[] signed, string contentType)
    {
        var method = WebhookMethod.Find(sender)!;
        var secrets = new[] { WebhookSecret.Of(method, Secret, null) };
        Assert.Equal(0, Verify(body, Secret, signed).Secret);
        Assert.Null(Verify(body, Other, signed).Secret);
        Assert.Null(Verify(body, "", signed).Secret);
        // What signs nothing does not notice; what signs, notices each byte.
        var changed = (byte[])body.Clone();
        changed[changed.Length / 2] ^= 1;
        Assert.Equal(method.MustBeRecovered(Secret) ? null : 0, Verify(changed, Secret, signed).Secret);

        Verification Verify(byte[] sent, string secret, byte[] over) => WebhookVerification.Verify(
            PresentedCredentials.Of(Requests.Headers(Credentials(sender, secret, over)), default), new WebhookBody(Requests.InSegments(sent, 1000), contentType), secrets, Now);
    }

    // All that the sender sends, the empty signature of one without a secret included.
    private static (string, string)[] Credentials(string sender, string secret, byte[] over)
    {
        var digits = secret.Length > 0 ? Requests.Hmac(secret, over) : "";
        var sha1 = secret.Length > 0 ? new string('a', 40) : "";
        return sender switch
        {
            Senders.GitHub => [("X-Hub-Signature", "sha1=" + sha1), ("X-Hub-Signature-256", "sha256=" + digits)],
            Senders.Gitea => [("X-Gitea-Signature", digits), ("X-Gogs-Signature", digits), ("X-Hub-Signature", "sha1=" + sha1), ("X-Hub-Signature-256", "sha256=" + digits)],
            Senders.Gogs => [("X-Gogs-Signature", digits)],
            Senders.GitLab => [("X-Gitlab-Token", secret)],
            Senders.AzureDevOps => [("Authorization", Requests.Basic("anyone", secret))],
            _ => [("X-Hub-Signature", "sha256=" + digits)],
        };
    }
}
