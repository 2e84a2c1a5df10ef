using static Ampora.Webhooks.Tests.Signing;

namespace Ampora.Webhooks.Tests;

/// <summary>Signatures as Standard Webhooks have them, which GitLab may send too.</summary>
public sealed class StandardSignatureSpecs
{
    public static TheoryData<string> Standard => new() { "standard-webhooks", "gitlab" };

    [Theory]
    [MemberData(nameof(Standard))]
    public void The_vector_of_Standard_Webhooks_verifies(string method) =>
        Accepts(Verify(
            method, SigningSecret, """{"test": 2432232314}""",
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"), ("webhook-timestamp", "1614265330"), ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")));

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
}
