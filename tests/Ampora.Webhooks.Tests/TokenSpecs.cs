using System.Text;
using Microsoft.Extensions.Primitives;
using static Ampora.Webhooks.Tests.Signing;

namespace Ampora.Webhooks.Tests;

/// <summary>Tokens and passwords, which say nothing about the body.</summary>
public sealed class TokenSpecs
{
    public static TheoryData<string, string> Tokens => new() { { "token", "X-Ampora-Webhook-Token" }, { "gitlab", "X-Gitlab-Token" } };

    public static TheoryData<string> Passwords => new() { "azure-devops", "bitbucket-server" };

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
}
