namespace Ampora.Webhooks.Tests;

/// <summary>Which deliveries concern which sources, and what they announce.</summary>
public sealed class RelevanceSpecs
{
    private const string A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    private static readonly string Long = new('c', 64);

    /// <summary>The source's ref, the default branch of the payload, the refs that moved, whether the source wakes, and the announced commit.</summary>
    public static TheoryData<string, string?, string, bool, string?> Rows => new()
    {
        { "main", null, $"refs/heads/main {A}", true, A },
        { "main", null, $"refs/heads/main {A.ToUpperInvariant()}", true, A },
        { "refs/heads/main", null, $"refs/heads/main {A}", true, A },
        { "heads/main", null, $"refs/heads/main {A}", true, A },
        { "refs/heads/main", null, $"refs/tags/main {A}", false, null },
        { "heads/main", null, $"refs/tags/main {A}", false, null },
        { "main", null, $"refs/tags/main {A}", true, null },
        { "main", null, $"refs/tags/main {A}, refs/heads/main {B}", true, B },
        { "main", null, $"refs/heads/Main {A}", false, null },
        { "main", null, $"refs/heads/main2 {A}", false, null },
        { "main", null, $"refs/heads/x/main {A}", false, null },
        { "main", null, $"refs/heads/dev {A}, refs/heads/main {B}", true, B },
        { "main", null, "refs/heads/main deleted", true, null },
        { "main", null, "refs/heads/main ?", true, null },
        // Where it came to be last.
        { "main", null, $"refs/heads/main deleted, refs/heads/main {A}", true, A },
        { "heads/x", null, $"refs/heads/heads/x {A}", true, A },
        { "tags/v1", null, $"refs/tags/v1 {A}", true, null },
        { "refs/tags/v1", null, $"refs/tags/v1 {A}", true, null },
        // The tag's own object, and the commit that it points to.
        { "refs/tags/v1", null, $"refs/tags/v1 {A} {B}", true, B },
        { "refs/tags/v1", null, $"refs/heads/v1 {A}", false, null },
        { "tags/v1.*", null, $"refs/tags/v1.2.3 {A} {A}", true, null },
        { "refs/tags/v1.*", null, $"refs/tags/v1. {A}", true, null },
        { "tags/v1.*", null, $"refs/tags/v10 {A}", false, null },
        { "tags/v1.*", null, $"refs/tags/xv1.2 {A}", false, null },
        { "tags/v1.*", null, $"refs/heads/v1.2 {A}", false, null },
        { "tags/v1.*", null, "refs/tags/v1.2 deleted", true, null },
        { "tags/*", null, $"refs/tags/app/v1 {A}", true, null },
        { "tags/v*.*-rc", null, $"refs/tags/v1.2-rc {A}", true, null },
        { "tags/v*.*-rc", null, $"refs/tags/v1.2-rc2 {A}", false, null },
        { "refs/heads/release/*", null, $"refs/heads/release/1 {A}", true, null },
        { "HEAD", "main", $"refs/heads/main {A}", true, A },
        { "HEAD", "main", $"refs/heads/dev {A}", false, null },
        { "HEAD", "main", $"refs/tags/main {A}", false, null },
        { "HEAD", null, $"refs/heads/dev {A}", true, null },
        { "HEAD", null, $"refs/tags/v1 {A}", false, null },
        { A, null, $"refs/heads/dev {A}", true, A },
        { A.ToUpperInvariant(), null, $"refs/heads/dev {A}", true, A },
        { B, null, $"refs/tags/v1 {A} {B}", true, B },
        { B, null, $"refs/heads/dev {A}", false, null },
        { Long, null, $"refs/heads/dev {Long}", true, Long },
        { "refs/pull/1/head", null, $"refs/pull/1/head {A}", true, A },
        { "refs/pull/1/head", null, $"refs/pull/10/head {A}", false, null },
        { "refs/notes/commits", null, $"refs/heads/main {A}", false, null },
        // A push that names no ref may have moved any.
        { "main", null, "", true, null },
        { "refs/tags/v1", "main", "", true, null },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_push_concerns_the_source_whose_ref_moved(string sourceRef, string? defaultBranch, string moved, bool wakes, string? announced)
    {
        var content = Push(moved) with { DefaultBranch = defaultBranch };
        Assert.Equal(new Relevance(wakes, wakes ? null : IgnoredReasons.RefNotTracked, announced), Relevance.Of(content, sourceRef));
        // Refs that are not listed may be any; what is listed still announces.
        Assert.Equal(new Relevance(true, null, announced), Relevance.Of(content with { RefsTruncated = true }, sourceRef));
    }

    [Fact]
    public void A_body_that_says_nothing_wakes() => Assert.Equal(new Relevance(true, null, null), Relevance.Of(null, "main"));

    [Fact]
    public void A_ping_and_an_event_that_moves_nothing_are_ignored()
    {
        Assert.Equal(new Relevance(false, "ping", null), Relevance.Of(new DeliveryContent { Provider = "github", Kind = EventKind.Ping }, "main"));
        Assert.Equal(new Relevance(false, "event_not_relevant", null), Relevance.Of(new DeliveryContent { Provider = "github", Kind = EventKind.Other }, "main"));
    }

    [Fact]
    public void A_pattern_of_many_stars_is_matched_without_going_back_and_forth()
    {
        var name = new string('a', 2000);
        var pattern = "tags/" + string.Concat(Enumerable.Repeat("*a", 400)) + "b";
        Assert.False(Relevance.Of(Push($"refs/tags/{name} {A}"), pattern).Wakes);
        Assert.True(Relevance.Of(Push($"refs/tags/{name}b {A}"), pattern).Wakes);
    }

    private static DeliveryContent Push(string moved) => new()
    {
        Provider = "github",
        Kind = EventKind.Push,
        Refs = [.. moved.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(Change)],
    };

    private static RefChange Change(string text)
    {
        var words = text.Split(' ');
        var (kind, name) = words[0] switch
        {
            var full when full.StartsWith("refs/heads/", StringComparison.Ordinal) => (RefKind.Branch, full["refs/heads/".Length..]),
            var full when full.StartsWith("refs/tags/", StringComparison.Ordinal) => (RefKind.Tag, full["refs/tags/".Length..]),
            var full => (RefKind.Other, full),
        };
        return new RefChange(kind, name, words[1] is "deleted" or "?" ? null : words[1], words[1] == "deleted") { TaggedCommit = words.ElementAtOrDefault(2) };
    }
}
