using System.Text;
using static Ampora.Webhooks.Tests.Signing;

namespace Ampora.Webhooks.Tests;

/// <summary>Signatures as hexadecimal digits in a header of their own: what verifies and what does not, and why not.</summary>
public sealed class HexSignatureSpecs
{
    /// <summary>The methods that sign with digits in a header of their own: its name, and what stands before the digits.</summary>
    public static TheoryData<string, string, string> Hexadecimal => new()
    {
        { "github", "X-Hub-Signature-256", "sha256=" },
        { "gitea", "X-Gitea-Signature", "" },
        { "forgejo", "X-Forgejo-Signature", "" },
        { "gogs", "X-Gogs-Signature", "" },
        { "bitbucket-cloud", "X-Hub-Signature", "sha256=" },
        { "bitbucket-server", "X-Hub-Signature", "sha256=" },
        // What their own header leaves to another.
        { "gitea", "X-Hub-Signature-256", "sha256=" },
        { "forgejo", "X-Gitea-Signature", "" },
        { "forgejo", "X-Hub-Signature-256", "sha256=" },
    };

    [Fact]
    public void GitHubs_own_vector_verifies() =>
        Accepts(
            Verify("github", Secret, "Hello, World!", ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")));

    [Theory]
    [MemberData(nameof(Hexadecimal))]
    public void A_signature_verifies_only_as_it_should_be(string method, string header, string prefix)
    {
        var digits = Requests.Hmac(Secret, Body);
        Accepts(Verify(method, Secret, Body, (header, prefix + digits)));
        // The same digest, written otherwise.
        Accepts(Verify(method, Secret, Body, (header, prefix + digits.ToUpperInvariant())));

        var oneChanged = (digits[0] == '0' ? '1' : '0') + digits[1..];
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, Body, (header, prefix + oneChanged)));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, Body, (header, prefix + digits[..^1] + (digits[^1] == '0' ? '1' : '0'))));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, Body, (header, prefix + new string('0', 64))));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, Body, (header, prefix + Requests.Hmac(Other, Body))));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, Body.Replace("main", "mein", StringComparison.Ordinal), (header, prefix + digits)));
        // The same JSON, but other bytes.
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, """{ "ref": "refs/heads/main" }""", (header, prefix + digits)));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, "", (header, prefix + digits)));

        Refuses(RefusalReasons.SignatureEmpty, Verify(method, Secret, Body, (header, "")));
        Refuses(RefusalReasons.SignatureEmpty, Verify(method, Secret, Body, (header, prefix)));
        Refuses(RefusalReasons.SignatureEmpty, Verify(method, Secret, Body, (header, " ")));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + digits[..^1])));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + digits[..^2])));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + digits + "0")));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + digits[..^1] + "g")));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + " " + digits)));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + digits + " ")));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix + digits + "," + prefix + digits)));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, "sha512=" + digits)));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, Secret, Body, (header, prefix.Length > 0 ? digits : "sha256=" + digits)));
        Refuses(RefusalReasons.SignatureRepeated, Verify(method, Secret, Body, (header, prefix + digits), (header, prefix + digits)));
        Refuses(RefusalReasons.SignatureMissing, Verify(method, Secret, Body));
    }

    [Theory]
    [InlineData("github")]
    [InlineData("bitbucket-cloud")]
    [InlineData("bitbucket-server")]
    public void SHA_1_alone_is_no_signature(string method)
    {
        var verification = Verify(method, Secret, Body, ("X-Hub-Signature", "sha1=" + new string('a', 40)));
        Refuses(RefusalReasons.SignatureMissing, verification);
        Assert.Contains("SHA-1", verification.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void GitHub_sends_SHA_1_beside_what_counts() =>
        Accepts(Verify("github", Secret, Body, ("X-Hub-Signature", "sha1=" + new string('a', 40)), ("X-Hub-Signature-256", "sha256=" + Requests.Hmac(Secret, Body))));

    [Theory]
    [InlineData("gitea", "X-Gitea-Signature")]
    [InlineData("forgejo", "X-Forgejo-Signature")]
    [InlineData("forgejo", "X-Gitea-Signature")]
    public void An_empty_signature_of_its_own_is_not_mended_by_another(string method, string header) =>
        Refuses(RefusalReasons.SignatureEmpty, Verify(method, Secret, Body, (header, ""), ("X-Hub-Signature-256", "sha256=" + Requests.Hmac(Secret, Body))));

    [Fact]
    public void GitHub_signs_a_form_and_Gitea_the_JSON_in_it()
    {
        const string json = """{"ref":"refs/heads/a+b","message":"50% of \u00e9"}""";
        var form = "payload=" + Uri.EscapeDataString(json).Replace("%20", "+", StringComparison.Ordinal);
        Accepts(Verify("github", Secret, form, ("X-Hub-Signature-256", "sha256=" + Requests.Hmac(Secret, form))));
        Refuses(RefusalReasons.SignatureMismatch, Verify("github", Secret, form, ("X-Hub-Signature-256", "sha256=" + Requests.Hmac(Secret, json))));
        foreach (var (method, header, prefix) in Hexadecimal.Select(row => row.Data).Where(row => row.Item1 is "gitea" or "forgejo" or "gogs"))
        {
            Accepts(Verify(method, Secret, form, (header, prefix + Requests.Hmac(Secret, json))));
            Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, form, (header, prefix + Requests.Hmac(Secret, form))));
            // Which of two is meant would be two answers; and what cannot be decoded is none.
            Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, form + "&payload=x", (header, prefix + Requests.Hmac(Secret, json))));
            Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, "payload=%zz", (header, prefix + Requests.Hmac(Secret, ""))));
            Refuses(RefusalReasons.SignatureMismatch, Verify(method, Secret, "other=1", (header, prefix + Requests.Hmac(Secret, ""))));
        }

        static Verification Verify(string method, string secret, string body, (string, string) header) =>
            WebhookVerification.Verify(
                PresentedCredentials.Of(Requests.Headers(header), default), Requests.Body(body, Requests.Form), [WebhookSecret.Of(WebhookMethod.Find(method)!, secret, null)], Now);
    }

    [Fact]
    public void Bitbucket_Servers_unsigned_test_has_a_reason_of_its_own_and_is_refused_all_the_same()
    {
        Refuses(RefusalReasons.PingUnsigned, Verify("bitbucket-server", Secret, """{"test":true}""", ("X-Event-Key", "diagnostics:ping")));
        Refuses(RefusalReasons.SignatureMissing, Verify("bitbucket-server", Secret, Body, ("X-Event-Key", "repo:refs_changed")));
        Accepts(Verify("bitbucket-server", Secret, """{"test":true}""", ("X-Event-Key", "diagnostics:ping"), ("X-Hub-Signature", "sha256=" + Requests.Hmac(Secret, """{"test":true}"""))));
        // A signature that came decides, and no password mends it.
        Refuses(
            RefusalReasons.SignatureMismatch,
            Verify("bitbucket-server", Secret, Body, ("X-Hub-Signature", "sha256=" + Requests.Hmac(Other, Body)), ("Authorization", Requests.Basic("anyone", Secret))));
    }

    [Fact]
    public void A_body_in_segments_is_signed_as_one()
    {
        var bytes = Encoding.UTF8.GetBytes(Body);
        var headers = Requests.Headers(("X-Hub-Signature-256", "sha256=" + Requests.Hmac(Secret, Body)));
        for (var size = 1; size <= bytes.Length; size++)
        {
            Accepts(WebhookVerification.Verify(
                PresentedCredentials.Of(headers, default), new WebhookBody(Requests.InSegments(bytes, size), null), [WebhookSecret.Of(WebhookMethod.GitHub, Secret, null)], Now));
        }
    }
}
