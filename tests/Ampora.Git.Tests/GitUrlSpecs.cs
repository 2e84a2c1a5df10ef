namespace Ampora.Git.Tests;

/// <summary>Which repository URLs are accepted, and what is said about the others.</summary>
public sealed class GitUrlSpecs
{
    [Theory]
    [InlineData("https://git.example.com/team/fleet.git", "https://git.example.com/team/fleet.git", "git.example.com:443")]
    [InlineData("HTTPS://Git.Example.COM/Team/Fleet.git", "https://git.example.com/Team/Fleet.git", "git.example.com:443")]
    [InlineData("https://git.example.com:443/x", "https://git.example.com/x", "git.example.com:443")]
    [InlineData("http://git.example.com:8080/x", "http://git.example.com:8080/x", "git.example.com:8080")]
    [InlineData("http://git.example.com/x/", "http://git.example.com/x/", "git.example.com:80")]
    [InlineData("https://dev.azure.com/org/My%20Project/_git/re%2Fpo", "https://dev.azure.com/org/My%20Project/_git/re%2Fpo", "dev.azure.com:443")]
    [InlineData("https://git.example.com/%41~b/c", "https://git.example.com/%41~b/c", "git.example.com:443")]
    [InlineData("https://bücher.example/größe", "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe", "xn--bcher-kva.example:443")]
    [InlineData("https://BÜCHER.example/x", "https://xn--bcher-kva.example/x", "xn--bcher-kva.example:443")]
    [InlineData("http://127.0.0.1:3000/x", "http://127.0.0.1:3000/x", "127.0.0.1:3000")]
    [InlineData("http://[2001:DB8::1]:3000/x", "http://[2001:db8::1]:3000/x", "[2001:db8::1]:3000")]
    [InlineData("http://git_host.internal/x", "http://git_host.internal/x", "git_host.internal:80")]
    public void Accepted_with_the_path_as_it_was_given(string text, string expected, string hostAndPort)
    {
        Assert.Null(GitUrl.TryParse(text, out var url));

        Assert.Equal(expected, url!.ToString());
        Assert.Equal(expected, url.Uri.AbsoluteUri);
        Assert.Equal(hostAndPort, url.HostAndPort);
        Assert.Equal($"{expected[..expected.IndexOf(':', StringComparison.Ordinal)]}://{hostAndPort}", url.Authority);
    }

    [Theory]
    [InlineData(null, "empty")]
    [InlineData("", "empty")]
    [InlineData("  ", "empty")]
    [InlineData("ext::sh -c id", "space")]
    [InlineData("ext::sh", "Remote helpers")]
    [InlineData("file:///etc", "not supported")]
    [InlineData("/srv/x", "path on this machine")]
    [InlineData("../x", "path on this machine")]
    [InlineData("./x", "path on this machine")]
    [InlineData("x", "no scheme")]
    [InlineData("--upload-pack=id", "dash")]
    [InlineData("-oProxyCommand=id", "dash")]
    [InlineData("ssh://-oProxyCommand=id/x", "dash")]
    [InlineData("host.example:x", "no URL")]
    [InlineData("git://host.example/x", "git://")]
    [InlineData("ftp://host.example/x", "not supported")]
    [InlineData("javascript:alert(1)", "no URL")]
    [InlineData("javascript:alert(1)@host.example:x", "password")]
    [InlineData("https://host.example/a%0ab", "control character")]
    [InlineData("https://host.example/a%0D", "control character")]
    [InlineData("https://host.example/a%00", "control character")]
    [InlineData("https://host.example/a%1b", "control character")]
    [InlineData("https://host.example/a\nb", "control character")]
    [InlineData("https://host.example/a\r", "control character")]
    [InlineData("https://host.example/\u001b[31m", "control character")]
    [InlineData("https://host.example/a\u2028b", "control character")]
    [InlineData("https://host.example/a%zz", "hexadecimal")]
    [InlineData("https://host.example/a%", "hexadecimal")]
    [InlineData("https:///x", "no host")]
    [InlineData("https://", "no host")]
    [InlineData("https://:443/x", "no host")]
    [InlineData("https://host.example", "no repository")]
    [InlineData("https://host.example//", "no repository")]
    [InlineData("https://host.example:0/x", "port")]
    [InlineData("https://host.example:65536/x", "port")]
    [InlineData("https://host.example:/x", "port")]
    [InlineData("https://host.example:+80/x", "port")]
    [InlineData("https://-host.example/x", "dash")]
    [InlineData("https://host..example/x", "not a valid name")]
    [InlineData("https://host.example/x?a=b", "query")]
    [InlineData("https://host.example/x#a", "query")]
    [InlineData("https://host.example?x/y", "query")]
    [InlineData("https://host.example/a/../b", ". or ..")]
    [InlineData("https://host.example/a/%2e%2E/b", ". or ..")]
    [InlineData("https://host.example/a\\b", "%5C")]
    [InlineData("https://host.example/{a}", "%7B")]
    [InlineData("https://0x7f000001/x", "a number")]
    [InlineData("https://0x7f.1/x", "a number")]
    [InlineData("https://2130706433/x", "a number")]
    [InlineData("https://017700000001/x", "a number")]
    [InlineData("https://0177.0.0.1/x", "a number")]
    [InlineData("https://127.1/x", "a number")]
    [InlineData("https://127.0.0.1./x", "a number")]
    [InlineData("https://127.0.0.256/x", "a number")]
    [InlineData("https://１２７.0.0.1/x", "characters that no host name has")]
    [InlineData("https://127。0。0。1/x", "characters that no host name has")]
    [InlineData("https://exa%6dple.com/x", "characters that no host name has")]
    [InlineData("https://[fe80::1%25eth0]/x", "zone")]
    [InlineData("https://[::1/x", "not closed")]
    [InlineData("https://[::g]/x", "not an IPv6 address")]
    [InlineData("https://[127.0.0.1]/x", "not an IPv6 address")]
    public void Refused_with_the_reason(string? text, string reason)
    {
        Assert.Contains(reason, GitUrl.TryParse(text, out var url), StringComparison.Ordinal);
        Assert.Null(url);
    }

    [Theory]
    [InlineData("https://ada:s3cr3t@host.example/x")]
    [InlineData("https://s3cr3t@host.example/x")]
    [InlineData("https://ada:s3cr3t@host.example:99999/x?y")]
    [InlineData("https://ada:s3%63r3t@169.254.169.254/x")]
    [InlineData("ssh://ada:s3cr3t@host.example/x")]
    [InlineData("unknown://ada:s3cr3t@host.example/x")]
    public void A_credential_in_the_url_is_refused_and_never_repeated(string text)
    {
        var problem = GitUrl.TryParse(text, out var url);

        Assert.NotNull(problem);
        Assert.Null(url);
        Assert.DoesNotContain("s3", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("ada", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_url_of_any_length_is_refused_in_few_words()
    {
        Assert.Contains("longer than", GitUrl.TryParse("https://host.example/" + new string('a', 100_000), out _), StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_urls_are_equal_whatever_the_case_of_their_host()
    {
        GitUrl.TryParse("https://Host.example:443/X", out var one);
        GitUrl.TryParse("https://host.example/X", out var same);
        GitUrl.TryParse("https://host.example/x", out var other);

        Assert.Equal(one, same);
        Assert.NotEqual(one, other);
    }
}
