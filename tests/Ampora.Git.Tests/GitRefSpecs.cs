namespace Ampora.Git.Tests;

/// <summary>Which names of refs are accepted, by the rules of git-check-ref-format.</summary>
public sealed class GitRefSpecs
{
    [Theory]
    [InlineData("main")]
    [InlineData("HEAD")]
    [InlineData("refs/heads/main")]
    [InlineData("refs/tags/v1.0.0")]
    [InlineData("refs/merge-requests/1/head")]
    [InlineData("feature/über-größe")]
    [InlineData("tags/v1")]
    [InlineData("deadbeef")]
    [InlineData("a@b")]
    [InlineData("tags/*")]
    [InlineData("tags/v1.*")]
    [InlineData("refs/tags/release-v1.*-rc")]
    [InlineData("1111111111111111111111111111111111111111")]
    [InlineData("1111111111111111111111111111111111111111111111111111111111111111")]
    public void Accepted(string name) => Assert.Null(GitRef.FindProblem(name));

    [Theory]
    [InlineData("", "empty")]
    [InlineData("--upload-pack=id", "dash")]
    [InlineData("-x", "dash")]
    [InlineData("a b", "space")]
    [InlineData("a\nb", "control")]
    [InlineData("a\0", "control")]
    [InlineData("a\u001b[31m", "control")]
    [InlineData("a..b", "..")]
    [InlineData("main~1", "~ ^ :")]
    [InlineData("main^{}", "~ ^ :")]
    [InlineData("+main:other", "~ ^ :")]
    [InlineData("a?", "~ ^ :")]
    [InlineData("a[", "~ ^ :")]
    [InlineData("a\\b", "~ ^ :")]
    [InlineData("v1.*", "tags/")]
    [InlineData("refs/heads/v1.*", "tags/")]
    [InlineData("heads/*", "tags/")]
    [InlineData("*", "tags/")]
    [InlineData("tags/*.*", "one *")]
    [InlineData("DEADBEEF11111111111111111111111111111111", "lower case")]
    [InlineData("@", "HEAD")]
    [InlineData("main@{1}", "HEAD")]
    [InlineData("/main", "slash")]
    [InlineData("main/", "slash")]
    [InlineData("a//b", "slash")]
    [InlineData("a/.b", "dot")]
    [InlineData(".a", "dot")]
    [InlineData("a.", "dot")]
    [InlineData("a.lock", ".lock")]
    [InlineData("a.lock/b", ".lock")]
    [InlineData("refs/heads", "folder")]
    public void Refused_with_the_reason(string name, string reason) => Assert.Contains(reason, GitRef.FindProblem(name), StringComparison.Ordinal);

    [Fact]
    public void A_name_of_any_length_is_refused() => Assert.NotNull(GitRef.FindProblem(new string('a', 100_000)));
}
