using static Ampora.Webhooks.Tests.Signing;

namespace Ampora.Webhooks.Tests;

/// <summary>Which of several secrets verifies, and that none does without one.</summary>
public sealed class SecretSpecs
{
    public static TheoryData<string> Methods => [.. WebhookMethod.All.Select(method => method.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_previous_secret_verifies_and_says_that_it_was_the_previous(string method)
    {
        var (current, previous) = (SecretFor(method, 0), SecretFor(method, 1));
        var presented = PresentedCredentials.Of(Requests.Headers(CredentialsOf(method, previous)), default);
        WebhookSecret[] secrets = [WebhookSecret.Of(WebhookMethod.Find(method)!, current, null), WebhookSecret.Of(WebhookMethod.Find(method)!, previous, null)];
        Assert.Equal(new Verification(1, null, null), WebhookVerification.Verify(presented, Requests.Body(Body), secrets, Now));
        Assert.Null(WebhookVerification.Verify(presented, Requests.Body(Body), secrets[..1], Now).Secret);
    }

    [Fact]
    public void Credentials_of_another_method_verify_nothing_and_are_named()
    {
        foreach (var expected in WebhookMethod.All)
        {
            var secret = SecretFor(expected.Name, 0);
            foreach (var sent in WebhookMethod.All.Where(sent => sent != expected))
            {
                var verification = Verify(expected.Name, secret, Body, CredentialsOf(sent.Name, SecretFor(sent.Name, 0)));
                // Forgejo takes Gitea's headers where it has none, and the two of Bitbucket sign alike: with the same secret that is the same sender.
                if ((expected.Name, sent.Name) is ("forgejo", "gitea") or ("gitea" or "forgejo", "github") or ("bitbucket-server", "bitbucket-cloud" or "azure-devops") or ("bitbucket-cloud", "bitbucket-server"))
                {
                    Accepts(verification);
                    continue;
                }

                Refuses(RefusalReasons.MethodMismatch, verification);
                Assert.Contains(" came, but ", verification.Detail, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_mismatch_of_methods_says_what_came_and_what_counts() =>
        Assert.Equal(
            "A GitHub signature came, but X-Ampora-Webhook-Token is what counts here.",
            Verify("token", Secret, Body, ("X-Hub-Signature-256", "sha256=" + Requests.Hmac(Secret, Body))).Detail);

    [Fact]
    public void No_reason_and_no_detail_repeats_what_was_presented_or_kept()
    {
        foreach (var method in WebhookMethod.All)
        {
            var secret = SecretFor(method.Name, 0);
            foreach (var sent in WebhookMethod.All)
            {
                var verification = Verify(method.Name, secret, Body, CredentialsOf(sent.Name, Other + "0000000000000000000000"[..2]));
                Assert.DoesNotContain(Other, verification.Detail ?? "", StringComparison.Ordinal);
                Assert.DoesNotContain(secret, verification.Detail ?? "", StringComparison.Ordinal);
            }

            Assert.DoesNotContain(secret, WebhookSecret.Of(method, secret, null).ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Without_a_secret_nothing_verifies(string method)
    {
        var kind = WebhookMethod.Find(method)!;
        Assert.Throws<ArgumentException>(() => WebhookSecret.Of(kind, "", null));
        foreach (var headers in new[] { CredentialsOf(method, SecretFor(method, 0)), CredentialsOf(method, ""), [] })
        {
            var presented = PresentedCredentials.Of(Requests.Headers(headers), default);
            Refuses(RefusalReasons.SecretNotSet, WebhookVerification.Verify(presented, Requests.Body(Body), [], Now));
            Assert.Null(WebhookVerification.Verify(presented, Requests.Body(Body), [new WebhookSecret(kind, null, null, null)], Now).Secret);
            Assert.Null(WebhookVerification.Verify(presented, Requests.Body(Body), [new WebhookSecret(kind, [], [], null)], Now).Secret);
        }
    }

    [Fact]
    public void Eight_distinct_secrets_are_tried_and_no_more()
    {
        var headers = Requests.Headers(("X-Hub-Signature-256", "sha256=" + Requests.Hmac("secret number 8 of many", Body)));
        WebhookSecret[] secrets = [.. Enumerable.Range(1, 8).Select(Secret)];
        Assert.Equal(7, Verify(secrets).Secret);
        // The same again costs nothing, and the first place of it counts.
        Assert.Equal(14, Verify([.. secrets[..7], .. secrets[..7], .. secrets]).Secret - 7);
        Assert.Null(Verify([Secret(9), .. secrets]).Secret);

        static WebhookSecret Secret(int number) => WebhookSecret.Of(WebhookMethod.GitHub, $"secret number {number} of many", null);
        Verification Verify(WebhookSecret[] all) => WebhookVerification.Verify(PresentedCredentials.Of(headers, default), Requests.Body(Body), all, Now);
    }

    [Fact]
    public void A_body_is_needed_for_a_signature_that_may_verify_and_for_nothing_else()
    {
        var digits = new string('a', 64);
        Assert.True(Needs(("X-Hub-Signature-256", "sha256=" + digits)));
        Assert.True(Needs(("X-Hub-Signature", "sha256=" + digits)));
        Assert.True(Needs(("X-Gitea-Signature", digits)));
        Assert.True(Needs(("X-Forgejo-Signature", digits)));
        Assert.True(Needs(("X-Gogs-Signature", digits)));
        Assert.True(Needs(Signed("1", "2", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));
        Assert.False(Needs());
        Assert.False(Needs(("X-Ampora-Webhook-Token", Secret)));
        Assert.False(Needs(("X-Gitlab-Token", Secret)));
        Assert.False(Needs(("Authorization", Requests.Basic("anyone", Secret))));
        Assert.False(Needs(("X-Gitea-Signature", "")));
        Assert.False(Needs(("X-Hub-Signature", "sha1=" + digits[..40])));
        Assert.False(Needs(("X-Hub-Signature-256", "sha256=")));
        Assert.False(Needs(("webhook-signature", "v1,")));

        static bool Needs(params (string, string)[] headers) => PresentedCredentials.Of(Requests.Headers(headers), default).NeedsBody;
    }
}
