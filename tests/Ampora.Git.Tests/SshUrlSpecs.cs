namespace Ampora.Git.Tests;

/// <summary>Which SSH addresses are accepted, what the host is asked for, and what is said about the others.</summary>
public sealed class SshUrlSpecs
{
    [Theory]
    [InlineData("ssh://git@git.example.com/team/fleet.git", "ssh://git@git.example.com/team/fleet.git", "git.example.com:22", "git", "/team/fleet.git")]
    [InlineData("SSH://Git@Git.Example.COM:22/Team/x", "ssh://Git@git.example.com/Team/x", "git.example.com:22", "Git", "/Team/x")]
    [InlineData("ssh://git.example.com:7999/team/x", "ssh://git.example.com:7999/team/x", "git.example.com:7999", "git", "/team/x")]
    [InlineData("git+ssh://ada@git.example.com/x", "ssh://ada@git.example.com/x", "git.example.com:22", "ada", "/x")]
    [InlineData("ssh+git://ada@git.example.com/x", "ssh://ada@git.example.com/x", "git.example.com:22", "ada", "/x")]
    [InlineData("ssh://git@git.example.com/~ada/x", "ssh://git@git.example.com/~ada/x", "git.example.com:22", "git", "~ada/x")]
    [InlineData("ssh://git@git.example.com/a%20b/größe", "ssh://git@git.example.com/a%20b/gr%C3%B6%C3%9Fe", "git.example.com:22", "git", "/a b/größe")]
    [InlineData("ssh://git@git.example.com/it's/$(x);y", "ssh://git@git.example.com/it's/$(x);y", "git.example.com:22", "git", "/it's/$(x);y")]
    [InlineData("ssh://git@[2001:DB8::1]:2222/x", "ssh://git@[2001:db8::1]:2222/x", "[2001:db8::1]:2222", "git", "/x")]
    [InlineData("ssh://git@127.0.0.1/x", "ssh://git@127.0.0.1/x", "127.0.0.1:22", "git", "/x")]
    [InlineData("ssh://git@bücher.example/x", "ssh://git@xn--bcher-kva.example/x", "xn--bcher-kva.example:22", "git", "/x")]
    [InlineData("git@git.example.com:team/fleet.git", "git@git.example.com:team/fleet.git", "git.example.com:22", "git", "team/fleet.git")]
    [InlineData("git@Git.Example.com:/srv/fleet.git", "git@git.example.com:/srv/fleet.git", "git.example.com:22", "git", "/srv/fleet.git")]
    [InlineData("org-12.a_b+c@git.example.com:22/fleet", "org-12.a_b+c@git.example.com:22/fleet", "git.example.com:22", "org-12.a_b+c", "22/fleet")]
    [InlineData("git@[2001:DB8::1]:x", "git@[2001:db8::1]:x", "[2001:db8::1]:22", "git", "x")]
    [InlineData("git@git.example.com:~/größe", "git@git.example.com:~/größe", "git.example.com:22", "git", "~/größe")]
    public void Accepted_with_user_and_path_as_they_were_given(string text, string expected, string hostAndPort, string user, string path)
    {
        Assert.Null(GitUrl.TryParse(text, out var url));

        Assert.True(url!.IsSsh);
        Assert.Equal((expected, hostAndPort, user, path), (url.ToString(), url.HostAndPort, url.SshUser, url.SshPath));
        Assert.Equal(("ssh", $"ssh://{hostAndPort}"), (url.Uri.Scheme, url.Authority));
        Assert.Null(GitUrl.TryParse(url.ToString(), out var again));
        Assert.Equal(url, again);
    }

    [Theory]
    [InlineData("ssh://git:s3cr3t@host.example/x", "password")]
    [InlineData("git:s3cr3t@host.example:x", "password")]
    [InlineData("ssh://s3cr3t s3cr3t@host.example/x", "space")]
    [InlineData("ssh://@host.example/x", "no user")]
    [InlineData("ssh://a@s3cr3t@host.example/x", "user name or a password")]
    [InlineData("ssh://git%40a@host.example/x", "no user")]
    [InlineData("ssh://-s3cr3t@host.example/x", "dash")]
    [InlineData("-git@host.example:x", "dash")]
    [InlineData("git@-host.example:x", "dash")]
    [InlineData("git@host.example:-x", "dash")]
    [InlineData("git@host.example::x", "Remote helpers")]
    [InlineData("git@:x", "host")]
    [InlineData("git@host.example:", "no repository")]
    [InlineData("git@host.example:/", "no repository")]
    [InlineData("git@host.example:a b", "space")]
    [InlineData("git@host.example:a%20b", "%25")]
    [InlineData("git@host.example:a?b", "%3F")]
    [InlineData("git@host.example:../x", ". or ..")]
    [InlineData("git@host.example:a/./x", ". or ..")]
    [InlineData("git@host.example:a\\b", "%5C")]
    [InlineData("git@host.example:a\nb", "control character")]
    [InlineData("git@host.example:a\u0085b", "control character")]
    [InlineData("git@2130706433:x", "a number")]
    [InlineData("git@[fe80::1%25eth0]:x", "zone")]
    [InlineData("git@[::1:x", "missing before the colon")]
    [InlineData("ssh://git@host.example", "no repository")]
    [InlineData("ssh://git@host.example:0/x", "port")]
    [InlineData("ssh://git@host.example:x", "port")]
    [InlineData("ssh:///x", "no host")]
    [InlineData("ssh://host.example/a%0ab", "control character")]
    [InlineData("ssh://host.example/a%00b", "control character")]
    [InlineData("ssh://host.example/a%c2%85b", "control character")]
    [InlineData("ssh://host.example/a%ff", "not UTF-8")]
    [InlineData("ssh://host.example/a%2f..%2fb", ". or ..")]
    [InlineData("ssh://host.example/x?y", "query")]
    [InlineData("ssh://0x7f000001/x", "a number")]
    public void Refused_with_the_reason_and_without_what_may_be_a_password(string text, string reason)
    {
        var problem = GitUrl.TryParse(text, out var url);

        Assert.Contains(reason, problem, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", problem, StringComparison.Ordinal);
        Assert.Null(url);
    }
}
