using System.Text;
using Microsoft.Extensions.Primitives;

namespace Ampora.Webhooks.Tests;

/// <summary>What verifies and what does not, and why not, for every method.</summary>
public sealed class VerificationSpecs
{
    private const string Secret = "It's a Secret to Everybody";
    private const string Other = "It's another Secret entirely";
    private const string Body = """{"ref":"refs/heads/main"}""";
    private const string SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string OtherSigningSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1614265330);

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

    public static TheoryData<string, string> Tokens => new() { { "token", "X-Ampora-Webhook-Token" }, { "gitlab", "X-Gitlab-Token" } };

    public static TheoryData<string> Standard => new() { "standard-webhooks", "gitlab" };

    public static TheoryData<string> Passwords => new() { "azure-devops", "bitbucket-server" };

    public static TheoryData<string> Methods => [.. WebhookMethod.All.Select(method => method.Name)];

    [Fact]
    public void GitHubs_own_vector_verifies() =>
        Accepts(
            Verify("github", Secret, "Hello, World!", ("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")));

    [Theory]
    [MemberData(nameof(Standard))]
    public void The_vector_of_Standard_Webhooks_verifies(string method) =>
        Accepts(Verify(
            method, SigningSecret, """{"test": 2432232314}""",
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"), ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));

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

    [Theory]
    [MemberData(nameof(Tokens))]
    public void A_token_verifies_only_whole_and_alone(string method, string header)
    {
        Accepts(Verify(method, Secret, Body, (header, Secret)));
        // Nothing of it depends on the body.
        Accepts(Verify(method, Secret, "", (header, Secret)));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, "Jt's a Secret to Everybody")));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, Other)));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, Secret + " ")));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, Secret + "\0")));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, Secret[..^1])));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, Secret.ToUpperInvariant())));
        Refuses(RefusalReasons.TokenMismatch, Verify(method, Secret, Body, (header, "é")));
        Refuses(RefusalReasons.TokenMissing, Verify(method, Secret, Body, (header, "")));
        Refuses(RefusalReasons.TokenMissing, Verify(method, Secret, Body));
        Refuses(RefusalReasons.TokenRepeated, Verify(method, Secret, Body, (header, Secret), (header, Secret)));
    }

    [Fact]
    public void Ampora_s_token_may_come_in_the_query_when_it_comes_in_no_header()
    {
        var secret = WebhookSecret.Of(WebhookMethod.Token, Secret, null);
        Accepts(Verify(Secret));
        Refuses(RefusalReasons.TokenMismatch, Verify(Other));
        Refuses(RefusalReasons.TokenMissing, Verify(""));
        Refuses(RefusalReasons.TokenRepeated, Verify(new StringValues([Secret, Secret])));
        Refuses(RefusalReasons.TokenMismatch, Verify(Secret, ("X-Ampora-Webhook-Token", Other)));

        Verification Verify(StringValues query, params (string, string)[] headers) =>
            WebhookVerification.Verify(PresentedCredentials.Of(Requests.Headers(headers), query), WebhookBody.Empty, [secret], Now);
    }

    [Theory]
    [MemberData(nameof(Passwords))]
    public void A_password_verifies_whatever_the_user_name_unless_one_is_asked_for(string method)
    {
        Accepts(Verify(method, Secret, Body, ("Authorization", Requests.Basic("", Secret))));
        Accepts(Verify(method, Secret, Body, ("Authorization", Requests.Basic("anyone", Secret))));
        Accepts(Verify(method, Secret, Body, ("Authorization", Requests.Basic("anyone", Secret).Replace("Basic", "basic", StringComparison.Ordinal))));
        // A password may hold a colon; a user name ends at the first.
        Accepts(Verify(method, "with:colons:in:the:secret", Body, ("Authorization", Requests.Basic("anyone", "with:colons:in:the:secret"))));
        Refuses(RefusalReasons.PasswordMismatch, Verify(method, Secret, Body, ("Authorization", Requests.Basic("anyone", Other))));
        Refuses(RefusalReasons.PasswordMismatch, Verify(method, Secret, Body, ("Authorization", Requests.Basic("anyone", Secret[..^1]))));
        Refuses(RefusalReasons.PasswordMismatch, Verify(method, Secret, Body, ("Authorization", Requests.Basic(Secret, "x"))));
        Refuses(RefusalReasons.PasswordMissing, Verify(method, Secret, Body, ("Authorization", Requests.Basic("anyone", ""))));
        Refuses(RefusalReasons.PasswordMissing, Verify(method, Secret, Body, ("Authorization", "Basic !")));
        Refuses(RefusalReasons.PasswordMissing, Verify(method, Secret, Body, ("Authorization", "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(Secret)))));
        Refuses(RefusalReasons.PasswordMismatch, Verify(method, Secret, Body, ("Authorization", Requests.Basic("anyone", Secret)), ("Authorization", Requests.Basic("anyone", Secret))));
        Refuses(method == "azure-devops" ? RefusalReasons.PasswordMissing : RefusalReasons.SignatureMissing, Verify(method, Secret, Body, ("Authorization", "Bearer " + Secret)));
        Refuses(method == "azure-devops" ? RefusalReasons.PasswordMissing : RefusalReasons.SignatureMissing, Verify(method, Secret, Body));

        var named = WebhookSecret.Of(WebhookMethod.Find(method)!, Secret, "hooks");
        Accepts(VerifyBy(named, Body, ("Authorization", Requests.Basic("hooks", Secret))));
        Refuses(RefusalReasons.PasswordMismatch, VerifyBy(named, Body, ("Authorization", Requests.Basic("Hooks", Secret))));
        Refuses(RefusalReasons.PasswordMismatch, VerifyBy(named, Body, ("Authorization", Requests.Basic("", Secret))));
        Refuses(RefusalReasons.PasswordMismatch, VerifyBy(named, Body, ("Authorization", Requests.Basic("hooks", Other))));
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

    [Theory]
    [MemberData(nameof(Standard))]
    public void A_standard_signature_verifies_only_in_its_time_and_for_its_id(string method)
    {
        const string id = "msg_1";
        var signature = Sign(SigningSecret, id, Seconds(0), Body);
        Accepts(Verify(method, SigningSecret, Body, Signed(id, Seconds(0), signature)));
        foreach (var edge in new[] { -300, 300 })
            Accepts(Verify(method, SigningSecret, Body, Signed(id, Seconds(edge), Sign(SigningSecret, id, Seconds(edge), Body))));
        foreach (var beyond in new[] { -301, 301, -1_000_000 })
            Refuses(RefusalReasons.TimestampOutsideWindow, Verify(method, SigningSecret, Body, Signed(id, Seconds(beyond), Sign(SigningSecret, id, Seconds(beyond), Body))));

        // The sender signs with both of its keys while it rotates them; other versions are skipped.
        Accepts(Verify(method, SigningSecret, Body, Signed(id, Seconds(0), Sign(OtherSigningSecret, id, Seconds(0), Body) + " " + signature)));
        Accepts(Verify(method, SigningSecret, Body, Signed(id, Seconds(0), "v1a,AAAA v2,x  " + signature + " v1,")));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), string.Join(' ', Enumerable.Repeat(signature, 17)))));

        Refuses(RefusalReasons.SignatureMismatch, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), Sign(OtherSigningSecret, id, Seconds(0), Body))));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, SigningSecret, Body + " ", Signed(id, Seconds(0), signature)));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, SigningSecret, Body, Signed("msg_2", Seconds(0), signature)));
        Refuses(RefusalReasons.SignatureMismatch, Verify(method, SigningSecret, Body, Signed(id, Seconds(1), signature)));
        Refuses(RefusalReasons.SignatureEmpty, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), "")));
        Refuses(RefusalReasons.SignatureEmpty, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), "v1,")));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), signature["v1,".Length..])));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), signature[..^4])));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), "v1,!" + signature[4..])));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, SigningSecret, Body, Signed(id, Seconds(0), signature[..^1] + "\t")));
        Refuses(RefusalReasons.TimestampMalformed, Verify(method, SigningSecret, Body, Signed(id, "soon", signature)));
        Refuses(RefusalReasons.TimestampMalformed, Verify(method, SigningSecret, Body, Signed(id, "-1614265330", signature)));
        Refuses(RefusalReasons.TimestampMalformed, Verify(method, SigningSecret, Body, Signed(id, new string('9', 40), signature)));
        Refuses(RefusalReasons.TimestampMissing, Verify(method, SigningSecret, Body, ("webhook-id", id), ("webhook-signature", signature)));
        Refuses(RefusalReasons.SignatureMalformed, Verify(method, SigningSecret, Body, ("webhook-timestamp", Seconds(0)), ("webhook-signature", signature)));
        Refuses(RefusalReasons.SignatureRepeated, Verify(method, SigningSecret, Body, [.. Signed(id, Seconds(0), signature), ("webhook-signature", signature)]));
        Refuses(RefusalReasons.SignatureRepeated, Verify(method, SigningSecret, Body, [.. Signed(id, Seconds(0), signature), ("webhook-id", id)]));
        Refuses(RefusalReasons.SignatureMissing, Verify(method, SigningSecret, Body));
    }

    [Fact]
    public void A_signing_secret_may_be_given_without_its_prefix_to_Standard_Webhooks_alone()
    {
        var bare = SigningSecret["whsec_".Length..];
        Accepts(Verify("standard-webhooks", bare, Body, Signed("1", Seconds(0), Sign(SigningSecret, "1", Seconds(0), Body))));
        Refuses(RefusalReasons.MethodMismatch, Verify("gitlab", bare, Body, Signed("1", Seconds(0), Sign(SigningSecret, "1", Seconds(0), Body))));
    }

    [Fact]
    public void GitLab_migrates_from_its_token_to_its_signing_token_with_both_at_once()
    {
        var plain = WebhookSecret.Of(WebhookMethod.GitLab, Secret, null);
        var signing = WebhookSecret.Of(WebhookMethod.GitLab, SigningSecret, null);
        (string, string)[] token = [("X-Gitlab-Token", Secret)];
        var signed = Signed("1", Seconds(0), Sign(SigningSecret, "1", Seconds(0), Body));

        Assert.Equal(1, Verify([signing, plain], token).Secret);
        Assert.Equal(0, Verify([signing, plain], signed).Secret);
        Assert.Equal(0, Verify([signing, plain], [.. token, .. signed]).Secret);
        Assert.Equal(0, Verify([plain, signing], [.. token, .. signed]).Secret);
        // What is wrong with the one says nothing against the other: each looks at its own header.
        Assert.Equal(0, Verify([signing, plain], [("X-Gitlab-Token", Other), .. signed]).Secret);
        Refuses(RefusalReasons.MethodMismatch, Verify([signing], token));
        Refuses(RefusalReasons.TokenMismatch, Verify([signing, plain], [("X-Gitlab-Token", Other)]));

        static Verification Verify(WebhookSecret[] secrets, (string, string)[] headers) =>
            WebhookVerification.Verify(PresentedCredentials.Of(Requests.Headers(headers), default), Requests.Body(Body), secrets, Now);
    }

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

    private static string SecretFor(string method, int number) =>
        method == "standard-webhooks" ? (number == 0 ? SigningSecret : OtherSigningSecret) : number == 0 ? Secret : Other;

    private static (string, string)[] CredentialsOf(string method, string secret) => method switch
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

    private static (string, string)[] Signed(string id, string timestamp, string signature) =>
        [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)];

    private static string Seconds(int after) => Now.AddSeconds(after).ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string Sign(string secret, string id, string timestamp, string body) =>
        "v1," + Convert.ToBase64String(System.Security.Cryptography.HMACSHA256.HashData(
            Convert.FromBase64String(secret["whsec_".Length..]), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}")));

    private static Verification Verify(string method, string secret, string body, params (string, string)[] headers) =>
        VerifyBy(WebhookSecret.Of(WebhookMethod.Find(method)!, secret, null), body, headers);

    private static Verification VerifyBy(WebhookSecret secret, string body, params (string, string)[] headers) =>
        WebhookVerification.Verify(PresentedCredentials.Of(Requests.Headers(headers), default), Requests.Body(body), [secret], Now);

    private static void Accepts(Verification verification) => Assert.Equal(new Verification(0, null, null), verification);

    private static void Refuses(string reason, Verification verification)
    {
        Assert.Equal(reason, verification.Reason);
        Assert.Null(verification.Secret);
        Assert.NotNull(verification.Detail);
    }
}
