using System.Text;
using Ampora.Git.Protocol;
using Ampora.TestServers;

namespace Ampora.Git.Tests;

/// <summary>Following the highest version among tags.</summary>
public sealed class TagPatternSpecs : GitHostSpecs
{
    [Theory]
    [InlineData("tags/v1.*", "v1.9.0 v1.10.0 v1.2.3 v2.0.0 v10.0.0", "v1.10.0")]
    [InlineData("refs/tags/v1.*", "v1.0.0 v1.0.1", "v1.0.1")]
    [InlineData("tags/*", "v1.0.0 2.0.0 nightly", "2.0.0")]
    [InlineData("tags/v*", "v1.0.0 2.0.0", "v1.0.0")]
    [InlineData("tags/v1.2.*", "v1.2.3 v1.2.4 v1.20.0", "v1.2.4")]
    // Prereleases only where they are asked for.
    [InlineData("tags/v2.*", "v2.0.0-rc.1 v2.0.0 v2.1.0-rc.1", "v2.0.0")]
    [InlineData("tags/v2.0.0-rc.*", "v2.0.0-rc.1 v2.0.0-rc.10 v2.0.0-rc.9 v2.0.0", "v2.0.0-rc.10")]
    [InlineData("tags/v2.0.0-*", "v2.0.0-beta.11 v2.0.0-beta.2 v2.0.0-alpha v2.0.0-rc.1 v2.0.0", "v2.0.0-rc.1")]
    [InlineData("tags/v*-rc", "v1.0.0-rc v1.1.0-rc v2.0.0", "v1.1.0-rc")]
    // Numbers of any size, as dates and times have.
    [InlineData("tags/v1.*", "v1.20240101120000.0 v1.20240102120000.0 v1.2147483648.0 v1.2.0", "v1.20240102120000.0")]
    [InlineData("tags/v1.*", "v1.99999999999999999999.0 v1.100000000000000000000.0", "v1.100000000000000000000.0")]
    [InlineData("tags/v1.0.0-*", "v1.0.0-20240101120000 v1.0.0-20240102120000 v1.0.0-3", "v1.0.0-20240102120000")]
    // Build metadata has no say; one of two equals is chosen always alike.
    [InlineData("tags/v1.*", "v1.0.0+a v1.0.0+b v0.9.0+z", "v1.0.0+b")]
    [InlineData("tags/v1.*", "v1.0.0+b v1.0.0+a v1.0.0-rc+z", "v1.0.0+b")]
    // What is no version is no candidate.
    [InlineData("tags/v1.*", "v1.2 v1.x v1.02.3 v1.2.3.4 v1.0.0 v1.1.0_1", "v1.0.0")]
    [InlineData("tags/v1.*", "v1.0.0 v1.9.0/backup release/v1.9.0", "v1.0.0")]
    // One repository with versions of several things: what stands before a version is a name, and its dashes ask for no prereleases.
    [InlineData("tags/web/v1.*", "web/v1.2.0 web/v1.10.0 api/v1.11.0 v1.12.0 web/v2.0.0", "web/v1.10.0")]
    [InlineData("tags/web-app-v1.*", "web-app-v1.2.0 web-app-v1.3.0 web-app-v1.4.0-rc.1 web-v1.9.0", "web-app-v1.3.0")]
    [InlineData("tags/web-*", "web-1.2.0 web-v1.3.0 web-app-9.0.0 web-2.0.0-rc.1", "web-v1.3.0")]
    [InlineData("tags/web-2-v1.*", "web-2-v1.0.0 web-2-v1.1.0", "web-2-v1.1.0")]
    [InlineData("tags/@acme/web@*", "@acme/web@1.0.0 @acme/web@1.0.1", "@acme/web@1.0.1")]
    [InlineData("tags/web-v2.0.0-rc.*", "web-v2.0.0-rc.2 web-v2.0.0-rc.11 web-v2.0.0", "web-v2.0.0-rc.11")]
    [InlineData("tags/release*", "release1.0.0 release1.0.1 releases", "release1.0.1")]
    public void The_highest_that_fits(string pattern, string tags, string expected)
    {
        var query = new RefQuery([pattern]);
        foreach (var tag in tags.Split(' ').Order(StringComparer.Ordinal))
            query.Offer(new ListedRef { Id = "1111111111111111111111111111111111111111"u8, Name = Encoding.UTF8.GetBytes("refs/tags/" + tag) });

        Assert.Equal("refs/tags/" + expected, query.TipOf(pattern).RefName);
    }

    [Fact]
    public async Task It_is_found_whatever_the_protocol()
    {
        var sha = await Repository.CommitAsync(("a.txt", "one"));
        await CreateTagsAsync(sha, ["v1.9.0", "v1.10.0", "v1.11.0-rc.1", "v2.0.0"]);

        Assert.Equal(new Tip(sha, "refs/tags/v1.10.0"), await ReadAsync("tags/v1.*"));
        Repository.OnlyProtocolV0 = true;
        Assert.Equal(new Tip(sha, "refs/tags/v1.10.0"), await ReadAsync("tags/v1.*"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_annotated_tag_is_peeled_and_a_nested_one_too(bool onlyV0)
    {
        var first = await Repository.CommitAsync(("a.txt", "one"));
        var second = await Repository.CommitAsync(("a.txt", "two"));
        await Repository.TagAsync("v1.0.0", first);
        await Repository.TagAsync("inner", second);
        await Repository.RunGitAsync("tag", "--annotate", "--message", "of a tag", "v1.1.0", "inner");
        Repository.OnlyProtocolV0 = onlyV0;

        Assert.Equal(new Tip(second, "refs/tags/v1.1.0"), await ReadAsync("tags/v1.*"));
        await Repository.DeleteRefAsync("refs/tags/v1.1.0");
        Assert.Equal(new Tip(first, "refs/tags/v1.0.0"), await ReadAsync("tags/v1.*"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_tag_that_fits_is_a_missing_ref(bool onlyV0)
    {
        Repository.OnlyProtocolV0 = onlyV0;
        Assert.Equal("empty_repository", (await FailAsync("tags/v1.*")).Code);

        var sha = await Repository.CommitAsync(("a.txt", "one"));
        await CreateTagsAsync(sha, ["v2.0.0", "v1.0.0-rc.1"]);
        var error = await FailAsync("tags/v1.*");

        Assert.Equal("ref_not_found", error.Code);
        Assert.Contains("prereleases", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Thousands_of_tags_are_one_request()
    {
        var sha = await Repository.CommitAsync(("a.txt", "one"));
        await CreateTagsAsync(sha, [.. Enumerable.Range(0, 2000).Select(i => $"v1.{i / 100}.{i % 100}"), .. Enumerable.Range(0, 2000).Select(i => $"v2.{i}.0-rc.{i}")]);

        Assert.Equal("refs/tags/v1.19.99", (await ReadAsync("tags/v1.*")).RefName);
        Assert.Equal("refs/tags/v2.1999.0-rc.1999", (await ReadAsync("tags/v2.1999.0-rc.*")).RefName);
        Assert.Equal(2, Repository.Count(GitRequestKind.LsRefs));
    }

    // The order of semver.org, and what it leaves open decided once.
    [Fact]
    public void Versions_are_in_the_order_of_the_specification()
    {
        string[] ascending =
        [
            "0.0.0-0", "0.0.0", "0.0.4", "1.0.0-0.3.7", "1.0.0-2", "1.0.0-11", "1.0.0-99999999999999999999", "1.0.0--", "1.0.0-A", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
            "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.2", "1.2.0", "1.10.0", "2.0.0", "10.0.0", "99999999999999999999.0.0",
        ];
        var versions = ascending.Select(text => SemanticVersion.TryParse(text, out var version) ? version : throw new FormatException(text)).ToList();

        for (var i = 0; i < versions.Count; i++)
        {
            for (var j = 0; j < versions.Count; j++)
                Assert.True(Math.Sign(versions[i].CompareTo(versions[j])) == Math.Sign(i.CompareTo(j)), $"{ascending[i]} and {ascending[j]}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.2")]
    [InlineData("1.2.3.4")]
    [InlineData("01.2.3")]
    [InlineData("1.2.3-")]
    [InlineData("1.2.3-01")]
    [InlineData("1.2.3-a..b")]
    [InlineData("1.2.3+")]
    [InlineData("1.2.3+a+b")]
    [InlineData("1.2.3-ä")]
    [InlineData("1.2.٣")]
    [InlineData(" 1.2.3")]
    [InlineData("v1.2.3")]
    public void What_is_no_version_is_none(string text) => Assert.False(SemanticVersion.TryParse(text, out _));

    private Task<string> CreateTagsAsync(string sha, IReadOnlyCollection<string> names) =>
        Repository.RunGitAsync(Encoding.ASCII.GetBytes(string.Concat(names.Select(name => $"create refs/tags/{name} {sha}\n"))), "update-ref", "--stdin");

    private Task<Tip> ReadAsync(string refName) => Services.Tips.ReadAsync(GitServices.Remote(Repository), refName, 0, Cancelled);

    private Task<GitException> FailAsync(string refName) => Assert.ThrowsAsync<GitException>(() => ReadAsync(refName));
}
