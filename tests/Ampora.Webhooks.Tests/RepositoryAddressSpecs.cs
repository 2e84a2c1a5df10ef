namespace Ampora.Webhooks.Tests;

/// <summary>Which addresses are of one repository, and which only look so.</summary>
public sealed class RepositoryAddressSpecs
{
    private const string AzureKey = "dev.azure.com/acme/web shop/_git/front end";

    public static TheoryData<string, string> Keys => new()
    {
        { "https://github.com/acme/fleet", "github.com/acme/fleet" },
        { "https://github.com/acme/fleet.git", "github.com/acme/fleet" },
        { "https://github.com/acme/fleet/", "github.com/acme/fleet" },
        { "https://github.com//acme/fleet.git/", "github.com/acme/fleet" },
        { "HTTPS://GitHub.COM/Acme/Fleet", "github.com/acme/fleet" },
        { "https://github.com./acme/fleet", "github.com/acme/fleet" },
        { "http://github.com/acme/fleet", "github.com/acme/fleet" },
        { "http://github.com:80/acme/fleet", "github.com/acme/fleet" },
        { "https://github.com:443/acme/fleet", "github.com/acme/fleet" },
        { "git://github.com/acme/fleet.git", "github.com/acme/fleet" },
        { "git://github.com:9418/acme/fleet.git", "github.com/acme/fleet" },
        { "https://user@github.com/acme/fleet", "github.com/acme/fleet" },
        { "https://user:p%40ss@github.com/acme/fleet", "github.com/acme/fleet" },
        { "https://github.com/acme/fleet?x=1", "github.com/acme/fleet" },
        { "https://github.com/acme/fleet#readme", "github.com/acme/fleet" },
        { "git@github.com:acme/fleet.git", "github.com/acme/fleet" },
        { "git@github.com:/acme/fleet.git", "github.com/acme/fleet" },
        { "github.com:acme/fleet", "github.com/acme/fleet" },
        { "ssh://git@github.com/acme/fleet.git", "github.com/acme/fleet" },
        { "ssh://git@github.com:22/acme/fleet.git", "github.com/acme/fleet" },
        { "ssh://git@github.com:2222/acme/fleet.git", "github.com/acme/fleet" },
        { "git+ssh://git@github.com/acme/fleet.git", "github.com/acme/fleet" },
        { "ssh://git@ssh.github.com:443/acme/fleet.git", "github.com/acme/fleet" },
        { "git@ssh.github.com:acme/fleet.git", "github.com/acme/fleet" },
        { "ssh://git@altssh.gitlab.com:443/acme/fleet.git", "gitlab.com/acme/fleet" },
        { "ssh://git@altssh.bitbucket.org:443/acme/fleet.git", "bitbucket.org/acme/fleet" },
        { "https://gitlab.com/group/sub/subsub/fleet.git", "gitlab.com/group/sub/subsub/fleet" },
        { "https://git.acme.org:8443/team/fleet.git", "git.acme.org:8443/team/fleet" },
        { "http://git.acme.org:443/team/fleet.git", "git.acme.org:443/team/fleet" },
        { "https://git.acme.org/team/fl%65et.git", "git.acme.org/team/fleet" },
        { "https://git.acme.org/team/fleet%20two", "git.acme.org/team/fleet two" },
        { "https://git.acme.org/team/100%25.git", "git.acme.org/team/100%" },
        // Decoded once, not until nothing is left.
        { "https://git.acme.org/team/%2541", "git.acme.org/team/%41" },
        { "https://git.acme.org/team/fleet.git.git", "git.acme.org/team/fleet.git" },
        { "https://git.acme.org/team/d%C3%A9p%C3%B4t", "git.acme.org/team/dépôt" },
        { "https://git.acme.org/team/dépôt", "git.acme.org/team/dépôt" },
        { "https://dépôt.example/team/fleet", "xn--dpt-bma0d.example/team/fleet" },
        { "https://[2001:db8::1]/team/fleet", "[2001:db8::1]/team/fleet" },
        { "https://[2001:DB8:0::1]:8443/team/fleet", "[2001:db8::1]:8443/team/fleet" },
        { "git@[2001:db8::1]:team/fleet", "[2001:db8::1]/team/fleet" },
        { "https://localhost:3000/team/fleet", "localhost:3000/team/fleet" },

        { "https://dev.azure.com/acme/Web%20Shop/_git/Front%20End", AzureKey },
        { "https://dev.azure.com/acme/Web Shop/_git/Front End", AzureKey },
        { "https://acme@dev.azure.com/acme/Web%20Shop/_git/Front%20End", AzureKey },
        { "https://dev.azure.com/acme/Web%20Shop/_git/_full/Front%20End", AzureKey },
        { "https://dev.azure.com/acme/Web%20Shop/_git/_optimized/Front%20End", AzureKey },
        { "https://dev.azure.com/acme/DefaultCollection/Web%20Shop/_git/Front%20End", AzureKey },
        { "https://acme.visualstudio.com/Web%20Shop/_git/Front%20End", AzureKey },
        { "https://acme.visualstudio.com/DefaultCollection/Web%20Shop/_git/Front%20End", AzureKey },
        { "git@ssh.dev.azure.com:v3/acme/Web%20Shop/Front%20End", AzureKey },
        { "ssh://git@ssh.dev.azure.com/v3/acme/Web%20Shop/Front%20End", AzureKey },
        { "ssh://git@ssh.dev.azure.com:22/v3/acme/Web%20Shop/Front%20End", AzureKey },
        { "acme@vs-ssh.visualstudio.com:v3/acme/Web%20Shop/Front%20End", AzureKey },
        { "https://dev.azure.com/acme/_git/fleet", "dev.azure.com/acme/fleet/_git/fleet" },
        { "https://acme.visualstudio.com/_git/fleet", "dev.azure.com/acme/fleet/_git/fleet" },
        { "https://acme.visualstudio.com/DefaultCollection/_git/fleet", "dev.azure.com/acme/fleet/_git/fleet" },
        { "https://dev.azure.com/acme/fleet/_git/fleet", "dev.azure.com/acme/fleet/_git/fleet" },
    };

    public static TheoryData<string, string> NearMisses => new()
    {
        { "https://github.com/acme/fleet", "https://github.com/acme/fleet2" },
        { "https://github.com/acme/fleet", "https://github.com/acme/flee" },
        { "https://github.com/acme/fleet", "https://github.com/xacme/fleet" },
        { "https://github.com/acme/fleet", "https://github.com/x/acme/fleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme/fleet/x" },
        { "https://github.com/acme/fleet", "https://github.com/acme" },
        { "https://github.com/acme/fleet", "https://github.com.evil.org/acme/fleet" },
        { "https://github.com/acme/fleet", "https://evilgithub.com/acme/fleet" },
        { "https://github.com/acme/fleet", "https://evil.org/github.com/acme/fleet" },
        { "https://github.com/acme/fleet", "https://github.com@evil.org/acme/fleet" },
        { "https://github.com/acme/fleet", "https://evil.org/?https://github.com/acme/fleet" },
        { "https://github.com/acme/fleet", "https://evil.org#@github.com/acme/fleet" },
        { "https://github.com/acme/fleet", "https://evil.org?@github.com/acme/fleet" },
        { "https://github.com/acme/fleet", @"https://evil.org\@github.com/acme/fleet" },
        { "https://github.com/acme/fleet", "git@evil.org:github.com/acme/fleet" },
        { "https://github.com/acme/fleet", "https://github.com:8443/acme/fleet" },
        { "https://github.com/acme/fleet", "https://ssh.github.com/acme/fleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme%2Ffleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme/./fleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme/x/../fleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme/%2e%2e/acme/fleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme//fleet" },
        { "https://github.com/acme/fleet", "https://github.com/acme/fleet%00" },
        { "https://github.com/acme/fleet", "https://github.com/acme/fleet\n" },
        { "https://github.com/acme/fleet", "https://github.com/acme/fleet%20" },
        { "https://github.com/acme/fleet", "https://githuｂ.com/acme/fleet" },
        { "https://github.com/acme/fleet.git", "https://github.com/acme/fleet/.git" },
        { "https://gitlab.com/group/sub/fleet", "https://gitlab.com/sub/fleet" },
        { "https://gitlab.com/group/sub/fleet", "https://gitlab.com/group/fleet" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "https://dev.azure.com/acme/_git/fleet" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "https://dev.azure.com/other/shop/_git/fleet" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "https://acme.visualstudio.com.evil.org/shop/_git/fleet" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "https://x.acme.visualstudio.com/shop/_git/fleet" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "https://dev.azure.com/acme/shop/_git/fleet/pullrequest/1" },
        { "https://dev.azure.com/acme/shop/_git/fleet", "https://dev.azure.com:8443/acme/shop/_git/fleet" },
        // A group that is named as Bitbucket's path is, on another host's software.
        { "https://git.acme.org/scm/team/fleet", "https://git.acme.org/team/fleet" },
    };

    public static TheoryData<string, string> BitbucketServers => new()
    {
        { "https://bitbucket.acme.org/scm/PRJ/fleet.git", "bitbucket.acme.org/prj/fleet" },
        { "https://bitbucket.acme.org:8443/scm/PRJ/fleet.git", "bitbucket.acme.org/prj/fleet" },
        { "https://bitbucket.acme.org/context/scm/PRJ/fleet.git", "bitbucket.acme.org/prj/fleet" },
        { "ssh://git@bitbucket.acme.org:7999/prj/fleet.git", "bitbucket.acme.org/prj/fleet" },
        { "https://bitbucket.acme.org/projects/PRJ/repos/fleet", "bitbucket.acme.org/prj/fleet" },
        { "https://bitbucket.acme.org/projects/PRJ/repos/fleet/browse", "bitbucket.acme.org/prj/fleet" },
        { "https://bitbucket.acme.org/context/projects/PRJ/repos/fleet/browse", "bitbucket.acme.org/prj/fleet" },
        { "https://bitbucket.acme.org/scm/~gopher/fleet.git", "bitbucket.acme.org/~gopher/fleet" },
        { "https://bitbucket.acme.org/users/gopher/repos/fleet/browse", "bitbucket.acme.org/~gopher/fleet" },
        { "ssh://git@bitbucket.acme.org:7999/~gopher/fleet.git", "bitbucket.acme.org/~gopher/fleet" },
    };

    public static TheoryData<string> NoBitbucketServers =>
    [
        "https://bitbucket.acme.org/prj/fleet", "https://bitbucket.acme.org/a/b/scm/PRJ/fleet.git", "https://bitbucket.acme.org/scm/PRJ", "https://bitbucket.acme.org/scm/PRJ/fleet/x",
        "https://bitbucket.acme.org/xscm/PRJ/fleet", "https://bitbucket.acme.org/projects/PRJ/repos/fleet/pull-requests", "ssh://git@bitbucket.acme.org:7999/a/prj/fleet.git",
        "https://bitbucket.acme.org/projects/PRJ", "",
    ];

    public static TheoryData<string> NoAddresses =>
    [
        "", " ", "fleet", "acme/fleet", "/srv/git/fleet", "../fleet", "https://", "https:///acme/fleet", "https://github.com", "https://github.com/", "https://github.com/.git", "file:///etc/passwd",
        "ext::sh -c id", "ftp://host/path", "javascript:alert(1)//x/../..", "https://host:0/x", "https://host:65536/x", "https://host:-1/x", "https://host:x/x", "https://ho st/x", "https://-host/x",
        "https://host/%", "https://host/%4", "https://host/%zz", "https://host/%00", "https://host/%ff", "https://host/a%5cb", "https://host/a\\b", "https://host/\ud800", "https://host/..",
        "https://[::1/x", "https://[::1%25eth0]/x", "https://[x]/x", "https://a..b/x", "C:\\fleet", ":x", "@:x", "://x/y", "[::1]x:y", "https://host/\u0085",
    ];

    [Theory]
    [MemberData(nameof(Keys))]
    public void An_address_has_this_key(string url, string key) => Assert.Equal(key, RepositoryAddress.KeyOf(url));

    [Theory]
    [MemberData(nameof(NearMisses))]
    public void What_only_looks_like_an_address_does_not_match_it(string url, string other)
    {
        Assert.NotNull(RepositoryAddress.KeyOf(url));
        Assert.NotEqual(RepositoryAddress.KeyOf(url), RepositoryAddress.KeyOf(other));
        Assert.False(RepositoryAddress.Matches(url, other));
        Assert.False(RepositoryAddress.Matches(other, url));
        Assert.True(RepositoryAddress.Matches(url, url + "/"));
    }

    [Theory]
    [MemberData(nameof(BitbucketServers))]
    public void An_address_on_Bitbucket_Server_has_this_key_besides(string url, string key)
    {
        Assert.Equal(key, RepositoryAddress.BitbucketServerKeyOf(url));
        Assert.True(RepositoryAddress.Matches(url, key.Contains('~', StringComparison.Ordinal) ? BitbucketServers.Last().Data.Item1 : BitbucketServers.First().Data.Item1));
    }

    [Theory]
    [MemberData(nameof(NoBitbucketServers))]
    public void Another_address_has_no_such_key(string url) => Assert.Null(RepositoryAddress.BitbucketServerKeyOf(url));

    [Theory]
    [MemberData(nameof(NoAddresses))]
    public void What_is_no_address_has_no_key(string url)
    {
        Assert.Null(RepositoryAddress.KeyOf(url));
        Assert.False(RepositoryAddress.Matches(url, url));
        Assert.Same(WebhookMethod.Token, WebhookMethod.DefaultFor(url));
    }

    [Fact]
    public void An_address_is_no_longer_than_any_real_one()
    {
        var longest = "https://host/" + new string('x', RepositoryAddress.MaxLength - "https://host/".Length);
        Assert.NotNull(RepositoryAddress.KeyOf(longest));
        Assert.Null(RepositoryAddress.KeyOf(longest + "x"));
    }

    [Theory]
    [InlineData("github.com/acme/", "github.com/acme/")]
    [InlineData("github.com/acme", "github.com/acme/")]
    [InlineData("https://GitHub.com/Acme/", "github.com/acme/")]
    [InlineData("gitlab.com/group/sub", "gitlab.com/group/sub/")]
    [InlineData("git.acme.org", "git.acme.org/")]
    [InlineData("git.acme.org:8443/team", "git.acme.org:8443/team/")]
    [InlineData("git.acme.org:443/team", "git.acme.org/team/")]
    [InlineData("dev.azure.com/acme/web%20shop", "dev.azure.com/acme/web shop/")]
    [InlineData("acme.visualstudio.com", "dev.azure.com/acme/")]
    [InlineData("acme.visualstudio.com/DefaultCollection/shop/", "dev.azure.com/acme/shop/")]
    public void A_prefix_is_kept_as_keys_begin(string prefix, string normalised)
    {
        Assert.Null(RepositoryAddress.FindPrefixProblem(prefix, out var found));
        Assert.Equal(normalised, found);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("https://")]
    [InlineData("github.com/acme/*")]
    [InlineData("git@github.com:acme/")]
    [InlineData("https://user:password@github.com/acme/")]
    [InlineData("github.com/acme/?x")]
    [InlineData("github.com/acme/../other/")]
    [InlineData("github.com//acme//x")]
    [InlineData("github.com/acme%2fx")]
    [InlineData("file:///etc/")]
    [InlineData("git hub.com/")]
    public void What_is_no_prefix_is_refused_with_a_sentence(string prefix)
    {
        Assert.NotNull(RepositoryAddress.FindPrefixProblem(prefix, out var found));
        Assert.Null(found);
        Assert.DoesNotContain("password", RepositoryAddress.FindPrefixProblem(prefix, out _), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("github.com/acme/fleet", "github.com/acme/", true)]
    [InlineData("gitlab.com/group/sub/fleet", "gitlab.com/group/", true)]
    [InlineData("git.acme.org/fleet", "git.acme.org/", true)]
    [InlineData("github.com/acme2/fleet", "github.com/acme/", false)]
    [InlineData("github.com/acme", "github.com/acme/", false)]
    [InlineData("github.com/acme/", "github.com/acme/", false)]
    [InlineData("github.com/x/github.com/acme/fleet", "github.com/acme/", false)]
    [InlineData("github.com.evil.org/acme/fleet", "github.com/acme/", false)]
    [InlineData("git.acme.org:8443/fleet", "git.acme.org/", false)]
    [InlineData("github.com/acme/fleet", "github.com/acme", false)]
    [InlineData("github.com/acme/fleet", "", false)]
    [InlineData("/x", "/", false)]
    public void A_key_is_under_a_prefix_by_whole_segments(string key, string prefix, bool isUnder) => Assert.Equal(isUnder, RepositoryAddress.IsUnder(key, prefix));
}
