namespace Ampora.Webhooks.Tests;

public sealed class WebhookMethodSpecs
{
    public static TheoryData<string, string> Defaults => new()
    {
        { "https://github.com/acme/fleet.git", "github" },
        { "git@github.com:acme/fleet.git", "github" },
        { "ssh://git@ssh.github.com:443/acme/fleet.git", "github" },
        { "https://github.acme.org/acme/fleet.git", "github" },
        { "https://gitlab.com/acme/fleet.git", "gitlab" },
        { "https://gitlab.acme.org/acme/fleet.git", "gitlab" },
        { "https://gitlab:8080/acme/fleet.git", "gitlab" },
        { "https://bitbucket.org/acme/fleet.git", "bitbucket-cloud" },
        { "https://bitbucket.acme.org/scm/prj/fleet.git", "bitbucket-server" },
        { "https://codeberg.org/acme/fleet.git", "forgejo" },
        { "https://forgejo.acme.org/acme/fleet.git", "forgejo" },
        { "https://gitea.com/acme/fleet.git", "gitea" },
        { "https://gitea.acme.org/acme/fleet.git", "gitea" },
        { "https://gogs.acme.org/acme/fleet.git", "gogs" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "azure-devops" },
        { "https://acme.visualstudio.com/shop/_git/fleet", "azure-devops" },
        { "git@ssh.dev.azure.com:v3/acme/shop/fleet", "azure-devops" },
        { "https://git.acme.org/acme/fleet.git", "token" },
        { "https://github.com.evil.org/acme/fleet.git", "github" },
        { "https://notgithub.com/acme/fleet.git", "token" },
        { "https://git.acme.org/github.com/fleet.git", "token" },
        { "nonsense", "token" },
    };

    [Fact]
    public void Every_method_is_found_by_its_name()
    {
        Assert.All(WebhookMethod.All, method => Assert.Same(method, WebhookMethod.Find(method.Name)));
        Assert.Equal(
            ["token", "github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket-cloud", "bitbucket-server", "azure-devops", "standard-webhooks"],
            WebhookMethod.All.Select(method => method.Name));
        Assert.Null(WebhookMethod.Find("GitHub"));
        Assert.Null(WebhookMethod.Find("none"));
        Assert.Null(WebhookMethod.Find("gerrit"));
    }

    [Theory]
    [MemberData(nameof(Defaults))]
    public void A_method_is_proposed_by_the_repositorys_host(string url, string method) => Assert.Equal(method, WebhookMethod.DefaultFor(url).Name);

    [Fact]
    public void The_field_is_what_the_Git_host_calls_it()
    {
        Assert.Equal("X-Ampora-Webhook-Token header", WebhookMethod.Token.Field);
        Assert.Equal("Secret", WebhookMethod.GitHub.FieldOf(Signing.Secret));
        Assert.Equal("Secret token", WebhookMethod.GitLab.FieldOf(Signing.Secret));
        Assert.Equal("Signing token", WebhookMethod.GitLab.FieldOf(Signing.SigningSecret));
        Assert.Equal("Basic authentication password", WebhookMethod.AzureDevOps.Field);
        Assert.Equal("Signing secret", WebhookMethod.StandardWebhooks.FieldOf(Signing.SigningSecret));
        Assert.Equal(["bitbucket-server", "azure-devops"], WebhookMethod.All.Where(method => method.TakesUsername).Select(method => method.Name));
    }

    [Fact]
    public void Only_what_signs_is_recovered()
    {
        Assert.Equal(
            ["github", "gitea", "forgejo", "gogs", "bitbucket-cloud", "bitbucket-server", "standard-webhooks"],
            WebhookMethod.All.Where(method => method.MustBeRecovered(Signing.Secret)).Select(method => method.Name));
        Assert.True(WebhookMethod.GitLab.MustBeRecovered(Signing.SigningSecret));
        foreach (var method in WebhookMethod.All)
        {
            var secret = WebhookSecret.Of(method, Signing.SigningSecret, null);
            Assert.Equal(method.MustBeRecovered(Signing.SigningSecret), secret.Key is not null);
            Assert.NotEqual(secret.Key is null, secret.Hash is null);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" begins with a space")]
    [InlineData("ends with a space ")]
    [InlineData("ends with a line\n")]
    [InlineData("has a \0 in the middle of it")]
    [InlineData("has half a \ud800 character in it")]
    public void A_secret_that_cannot_be_is_refused_and_not_repeated(string secret)
    {
        foreach (var method in WebhookMethod.All)
        {
            var problem = method.FindSecretProblem(secret);
            Assert.NotNull(problem);
            Assert.True(secret.Length == 0 || !problem.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_secret_may_be_anything_of_reasonable_length()
    {
        foreach (var method in WebhookMethod.All.Where(method => method != WebhookMethod.StandardWebhooks))
        {
            // As short as one that a Git host has in a hundred hooks already may be.
            Assert.Null(method.FindSecretProblem("s"));
            Assert.Null(method.FindSecretProblem("avec des caractères accentués"));
            Assert.Null(method.FindSecretProblem(new string('x', 1024)));
            Assert.NotNull(method.FindSecretProblem(new string('x', 1025)));
        }
    }

    [Theory]
    [InlineData(23, false)]
    [InlineData(24, true)]
    [InlineData(32, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void A_signing_secret_is_of_24_to_64_bytes(int bytes, bool isOne)
    {
        var secret = SigningKey.Prefix + Convert.ToBase64String(new byte[bytes]);
        foreach (var method in new[] { WebhookMethod.StandardWebhooks, WebhookMethod.GitLab })
            Assert.Equal(isOne, method.FindSecretProblem(secret) is null);
        Assert.Equal(isOne, WebhookMethod.StandardWebhooks.FindSecretProblem(secret[SigningKey.Prefix.Length..]) is null);
        if (isOne)
            Assert.Equal(bytes, WebhookSecret.Of(WebhookMethod.StandardWebhooks, secret, null).Key!.Length);
        else
            Assert.Throws<ArgumentException>(() => WebhookSecret.Of(WebhookMethod.StandardWebhooks, secret, null));
    }

    [Theory]
    [InlineData("whsec_")]
    [InlineData("whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8I LPZIo2LaLaSw")]
    [InlineData("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void What_is_no_base64_is_no_signing_secret(string secret) => Assert.NotNull(WebhookMethod.StandardWebhooks.FindSecretProblem(secret));

    [Fact]
    public void A_generated_signing_secret_is_one_and_new_each_time()
    {
        var secret = SigningKey.Generate();
        Assert.Null(WebhookMethod.StandardWebhooks.FindSecretProblem(secret));
        Assert.Null(WebhookMethod.GitLab.FindSecretProblem(secret));
        Assert.Equal(32, WebhookSecret.Of(WebhookMethod.StandardWebhooks, secret, null).Key!.Length);
        Assert.NotEqual(secret, SigningKey.Generate());
    }

    [Fact]
    public void A_user_name_is_asked_for_only_where_one_comes()
    {
        Assert.Null(WebhookMethod.AzureDevOps.FindUsernameProblem("hooks"));
        Assert.NotNull(WebhookMethod.AzureDevOps.FindUsernameProblem("a:b"));
        Assert.NotNull(WebhookMethod.AzureDevOps.FindUsernameProblem("a\nb"));
        Assert.NotNull(WebhookMethod.AzureDevOps.FindUsernameProblem(new string('x', 256)));
        Assert.NotNull(WebhookMethod.GitHub.FindUsernameProblem("hooks"));
        Assert.Null(WebhookSecret.Of(WebhookMethod.GitHub, Signing.Secret, "hooks").Username);
        Assert.Null(WebhookSecret.Of(WebhookMethod.AzureDevOps, Signing.Secret, "").Username);
    }

    [Fact]
    public void Secrets_are_equal_when_they_verify_the_same()
    {
        Assert.Equal(WebhookSecret.Of(WebhookMethod.GitHub, Signing.Secret, null), WebhookSecret.Of(WebhookMethod.GitHub, Signing.Secret, null));
        Assert.NotEqual(WebhookSecret.Of(WebhookMethod.GitHub, Signing.Secret, null), WebhookSecret.Of(WebhookMethod.Gitea, Signing.Secret, null));
        Assert.NotEqual(WebhookSecret.Of(WebhookMethod.GitHub, Signing.Secret, null), WebhookSecret.Of(WebhookMethod.GitHub, Signing.Other, null));
        Assert.NotEqual(WebhookSecret.Of(WebhookMethod.AzureDevOps, Signing.Secret, "a"), WebhookSecret.Of(WebhookMethod.AzureDevOps, Signing.Secret, null));
    }
}
