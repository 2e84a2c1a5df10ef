using System.Buffers;
using System.Text;

namespace Ampora.Webhooks.Tests;

/// <summary>Payloads that are not what they should be: they are read for what they still say, or refused with the one exception.</summary>
public sealed class HostilePayloadSpecs
{
    private const string A = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string B = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    /// <summary>The advisory, the sender, its event, a payload as it was used or could have been, and what is left of it: kind, refs and key.</summary>
    public static TheoryData<string, string, string, string, string> Advisories => new()
    {
        // Argo CD: a null where Gogs has a value ended the server.
        { "CVE-2025-59537", "gogs", "push", """{"ref":null,"after":null,"commits":null,"repository":null}""", "Push" },
        { "CVE-2025-59537", "gogs", "push", """{"ref":"refs/heads/main","commits":[null],"repository":{"html_url":null,"default_branch":null}}""", "Push refs/heads/main" },
        { "CVE-2025-59537", "gogs", "push", "{}", "Push" },
        // Argo CD: no ref where Azure DevOps has one ended the server.
        { "CVE-2025-59538", "azure-devops", "", """{"eventType":"git.push","publisherId":"tfs","resource":{"refUpdates":[],"repository":{"remoteUrl":"https://dev.azure.com/a/b/_git/c"}}}""", "Push dev.azure.com/a/b/_git/c" },
        { "CVE-2025-59538", "azure-devops", "", """{"eventType":"git.push","publisherId":"tfs","resource":null}""", "Push" },
        // Argo CD: links of another type than Bitbucket Server's ended the server.
        { "CVE-2025-59531", "bitbucket-server", "repo:refs_changed", """{"repository":{"links":{"clone":"boom"}},"changes":[{"refId":"refs/heads/main"}]}""", "Push refs/heads/main" },
        { "CVE-2025-59531", "bitbucket-server", "repo:refs_changed", """{"repository":{"links":{"clone":[null,7,"boom",{"href":7},{"name":"http"}]}}}""", "Push" },
        { "CVE-2025-59531", "bitbucket-server", "repo:refs_changed", """{"repository":{"links":"boom","project":"boom","slug":{}},"changes":"boom"}""", "Push" },
        { "CVE-2025-59531", "bitbucket-cloud", "repo:push", """{"repository":{"links":{"html":"boom"}},"push":{"changes":[{"new":"boom","old":[]}]}}""", "Push truncated" },
        // A pattern that was not anchored found the repository within another's address.
        { "CVE-2026-31816", "github", "push", """{"ref":"refs/heads/main","repository":{"clone_url":"https://evil.org/x?u=https://github.com/acme/fleet.git"}}""", "Push refs/heads/main evil.org/x" },
        { "CVE-2026-31816", "github", "push", """{"ref":"refs/heads/main","repository":{"clone_url":"https://evil.org/github.com/acme/fleet"}}""", "Push refs/heads/main evil.org/github.com/acme/fleet" },
        // Jenkins: whoever named a commit had it built. Nothing but the id of a commit is read, and it is only compared.
        { "CVE-2022-36883", "github", "push", """{"ref":"refs/heads/main","after":"--upload-pack=id","repository":{"clone_url":"ext::sh -c id"}}""", "Push refs/heads/main" },
    };

    /// <summary>The sender, its event, a payload, and what is left of it.</summary>
    public static TheoryData<string, string, string, string> Shapes => new()
    {
        { "github", "push", """{"ref":7,"after":[],"deleted":"yes","repository":{"clone_url":{},"ssh_url":["x"],"full_name":true}}""", "Push" },
        { "github", "push", """{"refs":{},"ref":{},"repository":"boom"}""", "Push" },
        { "github", "push", """{"ref":"","after":""}""", "Push" },
        { "github", "push", """{"ref":"refs/heads/"}""", "Push truncated" },
        { "github", "push", """{"ref":"refs/heads/a\nb"}""", "Push truncated" },
        { "github", "push", """{"ref":"refs/heads/\ud800"}""", "Push" },
        { "github", "push", $$"""{"ref":"refs/heads/main","after":"{{A[..39]}}"}""", "Push refs/heads/main" },
        { "github", "push", $$"""{"ref":"refs/heads/main","after":"{{A[..39]}}g"}""", "Push refs/heads/main" },
        { "github", "push", $$"""{"ref":"refs/heads/main","after":"{{A.ToUpperInvariant()}}"}""", "Push refs/heads/main@a" },
        { "github", "push", $$"""{"ref":"refs/heads/main","after":"{{new string('0', 64)}}"}""", "Push refs/heads/main@deleted" },
        // Of a key that comes twice, the last counts, whatever it is.
        { "github", "push", $$"""{"ref":"refs/heads/main","ref":"refs/heads/dev","after":"{{A}}","after":"{{B}}"}""", "Push refs/heads/dev@b" },
        { "github", "push", """{"repository":{"clone_url":"https://github.com/acme/fleet"},"repository":{"clone_url":"https://github.com/acme/other"}}""", "Push github.com/acme/other" },
        { "github", "push", """{"repository":{"clone_url":"https://github.com/acme/fleet"},"repository":null}""", "Push" },
        { "github", "create", """{"ref":"v1","ref_type":"tag"}""", "Push refs/tags/v1" },
        { "github", "create", """{"ref":null,"ref_type":"repository"}""", "Push" },
        { "github", "delete", """{"ref":"v1","ref_type":7}""", "Push refs/heads/v1@deleted" },
        { "github", "ping", """{"zen":"x","repository":null}""", "Ping" },
        { "github", "issues", """{"action":"opened","ref":"refs/heads/main"}""", "Other" },
        // Written with a mark that is no part of JSON.
        { "github", "push", "\ufeff{\"ref\":\"refs/heads/main\"}", "Push refs/heads/main" },
        { "github", "push", """{"r\u0065f":"r\u0065fs/heads/main"}""", "Push refs/heads/main" },
        { "gitea", "delete", """{"ref":"refs/tags/v1","ref_type":"branch"}""", "Push refs/tags/v1@deleted" },
        { "forgejo", "push", $$"""{"ref":"refs/heads/main","after":"{{A}}"}""", "Push refs/heads/main@a" },
        { "gitlab", "Push Hook", """{"object_kind":null,"project":null,"repository":{"homepage":"https://gitlab.com/a/b"}}""", "Push gitlab.com/a/b" },
        { "gitlab", "Push Hook", """{"object_kind":"push","project":[],"repository":{"homepage":"https://gitlab.com/a/b"}}""", "Push gitlab.com/a/b" },
        { "gitlab", "Push Hook", """{"object_kind":"push","ref":["refs/heads/main"],"checkout_sha":{}}""", "Push" },
        { "gitlab", "Merge Request Hook", """{"object_kind":"merge_request","ref":"refs/heads/main"}""", "Other" },
        { "gitlab", "System Hook", """{"event_name":"project_create"}""", "Other" },
        { "gitlab", "System Hook", $$"""{"event_name":"repository_update","changes":[{"ref":"refs/heads/main","after":"{{A}}"},{"ref":"refs/tags/v1","after":"{{B}}"}],"refs":["refs/heads/main"]}""", "Push refs/heads/main@a refs/tags/v1@b" },
        { "gitlab", "System Hook", """{"event_name":"repository_update","changes":{}}""", "Push" },
        { "bitbucket-cloud", "repo:push", """{"push":{"changes":[]}}""", "Push" },
        { "bitbucket-cloud", "repo:push", """{"push":null}""", "Push" },
        { "bitbucket-cloud", "repo:push", """{"push":[{"changes":[{"new":{"name":"x"}}]}]}""", "Push" },
        { "bitbucket-cloud", "repo:push", """{"push":{"changes":[{"new":null,"old":null}]}}""", "Push truncated" },
        { "bitbucket-cloud", "repo:push", """{"push":{"changes":[{"new":{"type":"named_branch","name":"a","target":null}},{"new":null,"old":{"type":"annotated_tag","name":"b"}}]}}""", "Push refs/heads/a refs/tags/b@deleted" },
        { "bitbucket-cloud", "repo:push", """{"repository":{"full_name":"acme/fleet"}}""", "Push bitbucket.org/acme/fleet" },
        { "bitbucket-cloud", "repo:fork", """{"push":{"changes":[{"new":{"name":"x"}}]}}""", "Other" },
        { "bitbucket-server", "repo:refs_changed", """{"changes":[{"ref":{"id":"refs/tags/v1"},"toHash":null,"type":7},{"ref":{"displayId":"v2","type":"TAG"},"type":"DELETE"}]}""", "Push refs/tags/v1 refs/tags/v2@deleted" },
        { "bitbucket-server", "repo:refs_changed", """{"repository":{"slug":"fleet","project":{"key":"PRJ","links":{"self":[{"href":"https://bb.acme.org/ctx/projects/PRJ"}]}}}}""", "Push bb.acme.org/ctx/scm/prj/fleet" },
        { "bitbucket-server", "repo:refs_changed", """{"repository":{"slug":"fleet","project":{"key":"PRJ"}}}""", "Push" },
        { "bitbucket-server", "mirror:repo_synchronized", """{"refLimitExceeded":true,"changes":[]}""", "Push truncated" },
        { "bitbucket-server", "diagnostics:ping", """{"test":true}""", "Ping" },
        { "bitbucket-server", "", """{"test":true}""", "Ping" },
        { "bitbucket-server", "pr:merged", """{"repository":{"links":{"clone":[{"href":"https://bb.acme.org/scm/prj/fleet.git"}]}}}""", "Other bb.acme.org/scm/prj/fleet" },
        { "azure-devops", "", """{"eventType":"git.push","resource":{"repository":{"name":"fleet two","project":{"name":"Web Shop"},"url":"https://dev.azure.com/acme/_apis/git/repositories/1"}}}""", "Push dev.azure.com/acme/web shop/_git/fleet two" },
        { "azure-devops", "", """{"eventType":"git.push","resource":{"repository":{"name":"fleet","project":{"name":"shop"},"url":"https://acme.visualstudio.com/_apis/git/repositories/1"}}}""", "Push dev.azure.com/acme/shop/_git/fleet" },
        { "azure-devops", "", """{"eventType":"git.push","resource":{"repository":{"name":"fleet","project":{"name":"shop"},"url":"https://evil.org/acme/_apis/1"}}}""", "Push" },
        { "azure-devops", "", """{"eventType":"git.push","resource":{"url":"https://dev.azure.com/acme/_apis/git/repositories/1/pushes/4","repository":{"name":"fleet","project":{"name":"shop"}}}}""", "Push dev.azure.com/acme/shop/_git/fleet" },
        { "azure-devops", "", """{"eventType":"git.push","resource":{"refUpdates":[{"name":7},null,{}]}}""", "Push truncated" },
        { "azure-devops", "", """{"eventType":7,"resource":[]}""", "Other" },
        { "gerrit", "", $$"""{"type":"ref-updated","refUpdate":{"refName":"refs/heads/main","newRev":"{{A}}","project":"fleet"} }""", "Push refs/heads/main@a" },
        { "gerrit", "", """{"type":"ref-updated","refUpdate":{"refName":"refs/changes/01/1/meta"}}""", "Other" },
        { "gerrit", "", """{"type":"ref-updated","refUpdate":{"refName":"refs/meta/config"}}""", "Other" },
        { "gerrit", "", """{"type":"comment-added","refUpdate":null}""", "Other" },
        { "standard-webhooks", "", """{"type":"anything","data":{}}""", "Push" },
        { "standard-webhooks", "", $$"""{"ref":"refs/heads/main","after":"{{A}}","repository":{"clone_url":"https://git.acme.org/team/fleet"} }""", "Push refs/heads/main@a git.acme.org/team/fleet" },
        { "standard-webhooks", "", """{"ref":"order-17"}""", "Push" },
        { "token", "", "no JSON at all", "Push" },
        { "aws-sns", "", """{"Type":"SubscriptionConfirmation","SubscribeURL":"https://169.254.169.254/"}""", "Push" },
    };

    public static TheoryData<string> Readers => ["github", "gitlab", "gitea", "forgejo", "gogs", "bitbucket-cloud", "bitbucket-server", "azure-devops", "gerrit", "standard-webhooks"];

    [Theory]
    [MemberData(nameof(Advisories))]
    public void An_advisory_of_others_is_none_here(string advisory, string provider, string eventName, string json, string left)
    {
        Assert.NotEmpty(advisory);
        Reads(provider, eventName, json, left);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_of_another_type_counts_as_absent(string provider, string eventName, string json, string left) => Reads(provider, eventName, json, left);

    [Theory]
    [MemberData(nameof(Readers))]
    public void What_is_no_JSON_object_is_refused(string provider)
    {
        string[] bodies =
        [
            "", " ", "null", "[]", "7", "\"x\"", "{", "{\"ref\"", "{\"ref\":", "{\"ref\":\"x", "{}x", "{}{}", "{,}", "{\"a\":1,}", "{'a':1}", "// {}", "NaN", "a=1", "payload=%7B%7D", "\0", "{}\0",
            "{\"a\":\"\\x\"}", "{\"a\":\"line\nbreak\"}", "{\"a\":01}", "a0 b1 refs/heads/main\n",
            // Deeper than a stack is, in each kind of nesting, and where it is skipped or read.
            Nested("{\"a\":", "}"), Nested("[", "]", "{\"commits\":", "}"), Nested("{\"repository\":", "}"), Nested("{\"push\":", "}"), Nested("{\"resource\":", "}"), "{\"a\":" + new string('[', 10_000),
        ];
        foreach (var body in bodies)
        {
            var exception = Assert.Throws<PayloadException>(() => PayloadReader.Read(provider, RealPayloadSpecs.HeadersOf(provider, "push"), Requests.Bytes(body)));
            Assert.Equal("malformed_payload", exception.Code);
            Assert.Null(Senders.RecogniseBody(Requests.Bytes(body)));
        }
    }

    [Theory]
    [MemberData(nameof(Readers))]
    public void Bytes_that_are_no_text_are_absent_or_refused(string provider)
    {
        byte[][] bodies =
        [
            [.. "{\"ref\":\""u8, 0xff, 0xfe, .. "\"}"u8], [.. "{\""u8, 0xc3, .. "\":1}"u8], [.. "{\"ref\":\""u8, 0xed, 0xa0, 0x80, .. "\"}"u8], [0xff, 0xfe, .. "{}"u8], [.. "{\"\\ud800\":1}"u8],
            [.. "{\"\\udc00\\ud800\":{\"\\ud800\":1}}"u8], [0xef, 0xbb], [0xef, 0xbb, 0xbf],
        ];
        foreach (var body in bodies)
        {
            foreach (var sequence in new[] { new ReadOnlySequence<byte>(body), Requests.InSegments(body, 1) })
            {
                if (Record.Exception(() => PayloadReader.Read(provider, RealPayloadSpecs.HeadersOf(provider, "push"), sequence)) is { } exception)
                    Assert.IsType<PayloadException>(exception);
                Assert.Null(Senders.RecogniseBody(sequence));
            }
        }
    }

    [Fact]
    public void An_exception_says_nothing_of_the_payload()
    {
        var exception = Assert.Throws<PayloadException>(() => PayloadReader.Read("github", Requests.Headers(), Requests.Bytes("{\"a\":\"hunter2\"hunter2}")));
        Assert.DoesNotContain("hunter2", exception.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Refs_urls_and_texts_are_bounded()
    {
        var changes = string.Join(',', Enumerable.Range(0, 1500).Select(n => $$"""{"refId":"refs/heads/b{{n}}","toHash":"{{A}}"}"""));
        var links = string.Join(',', Enumerable.Range(0, 50).Select(n => $$"""{"href":"https://bb.acme.org/scm/prj/fleet{{n}}.git"}"""));
        var content = Read("bitbucket-server", "repo:refs_changed", $$"""{"changes":[{{changes}}],"repository":{"links":{"clone":[{{links}}]} } }""");
        Assert.Equal(1000, content.Refs.Count);
        Assert.True(content.RefsTruncated);
        Assert.Equal(10, content.RepositoryUrls.Count);
        Assert.Matches(", and at least 98[0-9] more$", content.RefsText);
        Assert.InRange(content.RefsText!.Length, 150, 200);
        // One beyond the bound may be the one that is followed.
        Assert.True(Relevance.Of(content, "b1400").Wakes);

        var longest = new string('x', 2048 - "refs/heads/".Length);
        Assert.Equal(longest, Read("github", "push", $$"""{"ref":"refs/heads/{{longest}}"}""").Refs[0].Name);
        Assert.Equal(200, Read("github", "push", $$"""{"ref":"refs/heads/{{longest}}"}""").RefsText!.Length);
        Assert.Empty(Read("github", "push", $$"""{"ref":"refs/heads/{{longest}}x"}""").Refs);
        Assert.Empty(Read("github", "push", $$"""{"repository":{"clone_url":"https://host/{{longest}}{{longest}}"} }""").RepositoryUrls);
    }

    [Fact]
    public void Names_are_shown_on_one_line()
    {
        var content = Read("github", "push", """{"ref":"refs/heads/\u202egnp\u200b\u2028x","repository":{"full_name":"acme\r\n\u001b[31mfleet"}}""");
        Assert.Equal("refs/heads/gnpx", content.RefsText);
        Assert.Equal("acme[31mfleet", content.RepositoryName);
        Assert.Equal("refs/heads/a, refs/tags/b (deleted)", Read("azure-devops", "", $$"""{"eventType":"git.push","resource":{"refUpdates":[{"name":"refs/heads/a"},{"name":"refs/tags/b","newObjectId":"{{new string('0', 40)}}"}]} }""").RefsText);
    }

    [Theory]
    [MemberData(nameof(Readers))]
    public void Reading_25_MB_allocates_next_to_nothing(string provider)
    {
        var huge = new byte[25_000_000];
        Array.Fill(huge, (byte)'x');
        """{"ref":"refs/heads/main","repository":{"clone_url":"https://github.com/acme/fleet"},"message":" """u8.CopyTo(huge);
        "\"}"u8.CopyTo(huge.AsSpan(huge.Length - 2));
        var headers = RealPayloadSpecs.HeadersOf(provider, "push");
        // As a connection brings it, and as it is buffered.
        foreach (var body in new[] { new ReadOnlySequence<byte>(huge), Requests.InSegments(huge, 64 * 1024) })
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            _ = PayloadReader.Read(provider, headers, body);
            _ = Senders.RecogniseBody(body);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        }
    }

    [Fact]
    public void A_huge_text_where_a_name_belongs_is_not_taken()
    {
        var huge = Encoding.UTF8.GetBytes($$"""{"ref":"{{new string('x', 24_000_000)}}","after":"{{A}}"}""");
        foreach (var body in new[] { new ReadOnlySequence<byte>(huge), Requests.InSegments(huge, 64 * 1024) })
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Empty(PayloadReader.Read("github", RealPayloadSpecs.HeadersOf("github", "push"), body).Refs);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        }
    }

    private static string Nested(string open, string close, string before = "", string after = "") =>
        before + string.Concat(Enumerable.Repeat(open, 10_000)) + "1" + string.Concat(Enumerable.Repeat(close, 10_000)) + after;

    private static void Reads(string provider, string eventName, string json, string left)
    {
        foreach (var body in new[] { Requests.Bytes(json), Requests.InSegments(Encoding.UTF8.GetBytes(json), 5) })
        {
            var content = PayloadReader.Read(provider, eventName.Length > 0 ? RealPayloadSpecs.HeadersOf(provider, eventName) : Requests.Headers(), body);
            string[] words =
            [
                content.Kind.ToString(),
                .. content.Refs.Select(change => $"{RefNames.FullName(change)}{(change.Deleted ? "@deleted" : change.After is { } after ? "@" + after[0] : "")}"),
                .. content.RefsTruncated ? ["truncated"] : Array.Empty<string>(),
                .. content.RepositoryUrls.Select(RepositoryAddress.KeyOf).OfType<string>().Distinct(),
            ];
            Assert.Equal(left, string.Join(' ', words));
        }
    }

    private static DeliveryContent Read(string provider, string eventName, string json) =>
        PayloadReader.Read(provider, RealPayloadSpecs.HeadersOf(provider, eventName), Requests.Bytes(json));
}
