using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Ampora.Webhooks.Tests;

/// <summary>What each payload means, written down by hand from the payload.</summary>
public sealed class RealPayloadSpecs
{
    public static TheoryData<string, string, string, string, string> Rows => new()
    {
        // File, event as its header names it, repository and @default branch, the refs that moved, and the announced commit of a source on the first of them.
        { "azure-devops/drone-push.json", "", "dev.azure.com/fabrikam-fiber-inc/fabrikam-fiber-git/_git/fabrikam-fiber-git@master", "branch master 33b55f7cb7", "33b55f7cb7" },
        { "azure-devops/goplayground-git.pullrequest.created.json", "", "dev.azure.com/fabrikam/fabrikam/_git/fabrikam@master", "other", "" },
        { "azure-devops/goplayground-git.push.json", "", "dev.azure.com/fabrikam-fiber-inc/fabrikam-fiber-git/_git/fabrikam-fiber-git@main", "branch main 33b55f7cb7", "33b55f7cb7" },
        { "bitbucket-cloud/drone-push.json", "repo:push", "bitbucket.org/brydzewski/foo", "branch master 141977fedf", "141977fedf" },
        { "bitbucket-cloud/drone-push_branch_create.json", "repo:push", "bitbucket.org/brydzewski/foo", "branch develop 141977fedf", "141977fedf" },
        { "bitbucket-cloud/drone-push_branch_delete.json", "repo:push", "bitbucket.org/brydzewski/foo", "branch develop deleted", "" },
        { "bitbucket-cloud/drone-push_tag_create.json", "repo:push", "bitbucket.org/brydzewski/foo", "tag feature/x 141977fedf", "141977fedf" },
        { "bitbucket-cloud/drone-push_tag_delete.json", "repo:push", "bitbucket.org/brydzewski/foo", "tag feature/x deleted", "" },
        { "bitbucket-cloud/goplayground-repo-push.json", "repo:push", "api.bitbucket.org/bitbucket/bitbucket", "branch name-of-branch 709d658dc5", "709d658dc5" },
        { "bitbucket-server/drone-push.json", "repo:refs_changed", "", "branch master 823b2230a5", "823b2230a5" },
        { "bitbucket-server/drone-push_branch_create.json", "repo:refs_changed", "", "branch develop 208b0a5c05", "208b0a5c05" },
        { "bitbucket-server/drone-push_branch_delete.json", "repo:refs_changed", "", "branch develop deleted", "" },
        { "bitbucket-server/drone-push_tag_create.json", "repo:refs_changed", "", "tag v1.1.0 823b2230a5", "" },
        { "bitbucket-server/drone-push_tag_delete.json", "repo:refs_changed", "", "tag v1.1.0 deleted", "" },
        { "bitbucket-server/drone-push_v5.json", "repo:refs_changed", "", "branch trangineni/devtfvars-1685475548410 51a33664b6", "51a33664b6" },
        { "bitbucket-server/goplayground-repo-refs-changed.json", "repo:refs_changed", "server.bitbucket.local/~gopher/webhook-test", "branch feature/wip deleted", "" },
        { "gitea/drone-branch_create.json", "create", "try.gitea.io/gogits/hello-world@master", "branch feature ?", "" },
        { "gitea/drone-branch_delete.json", "delete", "try.gitea.io/gogits/hello-world@master", "branch feature deleted", "" },
        { "gitea/drone-push.json", "push", "try.gitea.io/gogits/hello-world@master", "branch master 4522cbcefc", "4522cbcefc" },
        { "gitea/drone-tag_create.json", "create", "try.gitea.io/gogits/hello-world@master", "tag v1.0.0 599d25c67b", "" },
        { "gitea/drone-tag_delete.json", "delete", "try.gitea.io/gogits/hello-world@master", "tag v1.0.0 deleted", "" },
        { "gitea/goplayground-create-event.json", "create", "localhost:3000/example/example@master", "branch master 67b56589a4", "67b56589a4" },
        { "gitea/goplayground-delete-event.json", "delete", "localhost:3000/example/example@master", "branch example3 deleted", "" },
        { "gitea/goplayground-push-event.json", "push", "localhost:3000/example/example@master", "branch master 67b56589a4", "67b56589a4" },
        { "github/drone-branch_create.json", "create", "github.com/bradrydzewski/drone-test-go@master", "branch feature-branch ?", "" },
        { "github/drone-branch_delete.json", "delete", "github.com/bradrydzewski/drone-test-go@master", "branch feature-branch deleted", "" },
        { "github/drone-push.json", "push", "github.com/codertocat/hello-world@master", "branch master 199eddf46d", "199eddf46d" },
        { "github/drone-push_branch_create.json", "push", "github.com/bradrydzewski/drone-test-go@master", "branch feature-branch d2b75aa779", "d2b75aa779" },
        { "github/drone-push_branch_delete.json", "push", "github.com/bradrydzewski/drone-test-go@master", "branch feature-branch deleted", "" },
        { "github/drone-push_tag.json", "push", "github.com/bradrydzewski/drone-test-go@master", "tag v0.0.1 d2b75aa779", "d2b75aa779" },
        { "github/drone-push_tag_delete.json", "push", "github.com/bradrydzewski/drone-test-go@master", "tag v0.0.1 deleted", "" },
        { "github/drone-tag_create.json", "create", "github.com/bradrydzewski/drone-test-go@master", "tag v0.0.1 ?", "" },
        { "github/drone-tag_delete.json", "delete", "github.com/bradrydzewski/drone-test-go@master", "tag v0.0.1 deleted", "" },
        { "github/goplayground-create.json", "create", "github.com/baxterthehacker/public-repo@master", "tag 0.0.1 ?", "" },
        { "github/goplayground-delete.json", "delete", "github.com/baxterthehacker/public-repo@master", "tag simple-tag deleted", "" },
        { "github/goplayground-ping.json", "ping", "", "ping", "" },
        { "github/goplayground-push.json", "push", "github.com/binkkatal/sample_app@master", "branch master fd489864e7", "fd489864e7" },
        { "gitlab/drone-branch_create.json", "Push Hook", "gitlab.com/gitlab-org/hello-world@master", "branch feature c4c79227ed", "c4c79227ed" },
        { "gitlab/drone-branch_delete.json", "Push Hook", "gitlab.com/gitlab-org/hello-world@master", "branch feature deleted", "" },
        { "gitlab/drone-branch_delete_subgroup.json", "Push Hook", "gitlab.com/group1/group2/group3/grp2repo@master", "branch feature deleted", "" },
        { "gitlab/drone-push.json", "Push Hook", "gitlab.com/gitlab-org/hello-world@master", "branch master 2adc9465c4", "2adc9465c4" },
        { "gitlab/drone-push_merge.json", "Push Hook", "gitlab.com/gitlab-org/hello-world@master", "branch master 78a76ee6b4", "78a76ee6b4" },
        { "gitlab/drone-push_subgroup.json", "Push Hook", "gitlab.com/group1/group2/group3/grp2repo@master", "branch master 2adc9465c4", "2adc9465c4" },
        { "gitlab/drone-tag_create.json", "Tag Push Hook", "gitlab.com/gitlab-org/hello-world@master", "tag v1.0.0 2adc9465c4", "2adc9465c4" },
        { "gitlab/drone-tag_delete.json", "Tag Push Hook", "gitlab.com/gitlab-org/hello-world@master", "tag v1.0.0 deleted", "" },
        { "gitlab/drone-tag_delete_subgroup.json", "Tag Push Hook", "gitlab.com/group1/group2/group3/grp2repo@master", "tag v1.0.0 deleted", "" },
        { "gitlab/goplayground-push-event.json", "Push Hook", "example.com/mike/diaspora@master", "branch master da1560886d", "da1560886d" },
        { "gitlab/goplayground-system-push-event.json", "System Hook", "example.com/mike/diaspora@master", "branch master da1560886d", "da1560886d" },
        // Annotated: the tag's own object, and the commit that it points to.
        { "gitlab/goplayground-system-tag-event.json", "System Hook", "example.com/jsmith/example@master", "tag v1.0.0 82b3d5ae55", "5937ac0a7b" },
        { "gitlab/goplayground-tag-event.json", "Tag Push Hook", "example.com/jsmith/example@master", "tag v1.0.0 82b3d5ae55", "82b3d5ae55" },
        { "gogs/drone-branch_create.json", "create", "try.gogs.io/gogits/hello-world@master", "branch feature ?", "" },
        { "gogs/drone-branch_delete.json", "delete", "try.gogs.io/gogits/hello-world@master", "branch feature deleted", "" },
        { "gogs/drone-push.json", "push", "try.gogs.io/gogits/hello-world@master", "branch master 4522cbcefc", "4522cbcefc" },
        { "gogs/drone-tag_create.json", "create", "try.gogs.io/gogits/hello-world@master", "tag v1.0.0 599d25c67b", "" },
        { "gogs/drone-tag_delete.json", "delete", "try.gogs.io/gogits/hello-world@master", "tag v1.0.0 deleted", "" },
        { "gogs/goplayground-create-event.json", "create", "gogs.example.com/user/repo", "branch feature-branch ?", "" },
        { "gogs/goplayground-delete-event.json", "delete", "gogs.example.com/user/repo", "branch obsolete-branch deleted", "" },
        { "gogs/goplayground-push-event.json", "push", "localhost:3000/unknwon/webhooks@master", "branch develop bffeb74224", "bffeb74224" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_payload_says_what_it_means(string file, string eventName, string repository, string refs, string announced)
    {
        var json = RealPayloads.Read(file);
        var provider = file.Split('/')[0];
        var headers = HeadersOf(provider, eventName);
        Assert.Equal(provider, Senders.Recognise(headers) ?? Senders.RecogniseBody(new(json)));

        // In one piece, and in pieces that cut every name and value.
        foreach (var body in new[] { new ReadOnlySequence<byte>(json), Requests.InSegments(json, 7) })
        {
            var content = PayloadReader.Read(provider, headers, body);
            Assert.Equal(provider, content.Provider);
            Assert.Equal(refs switch { "other" => EventKind.Other, "ping" => EventKind.Ping, _ => EventKind.Push }, content.Kind);
            Assert.Equal(repository.Split('@')[0], KeyOf(content));
            Assert.Equal(repository.Contains('@', StringComparison.Ordinal) ? repository.Split('@')[1] : null, content.DefaultBranch);
            Assert.Equal(refs is "other" or "ping" ? "" : refs, string.Join(", ", content.Refs.Select(Text)));
            Assert.False(content.RefsTruncated);

            if (content.Refs is not [var change])
                continue;
            var relevance = Relevance.Of(content, change.Kind == RefKind.Tag ? $"refs/tags/{change.Name}" : change.Name);
            Assert.True(relevance.Wakes);
            Assert.Equal(announced, relevance.AnnouncedSha?[..10] ?? "");
            Assert.Equal(new Relevance(false, IgnoredReasons.RefNotTracked, null), Relevance.Of(content, "refs/heads/another"));
        }
    }

    [Fact]
    public void Every_payload_has_its_row()
    {
        RealPayloads.SkipWithout();
        Assert.Equal(RealPayloads.All, Rows.Select(row => row.Data.Item1).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_address_of_a_payload_has_the_same_key_or_names_another_host()
    {
        foreach (var row in Rows)
        {
            var content = PayloadReader.Read(row.Data.Item1.Split('/')[0], HeadersOf(row.Data.Item1.Split('/')[0], row.Data.Item2), new(RealPayloads.Read(row.Data.Item1)));
            // Test servers name another host for SSH, and the documentation of Bitbucket another for its API.
            var keys = content.RepositoryUrls.Select(url => RepositoryAddress.BitbucketServerKeyOf(url) ?? RepositoryAddress.KeyOf(url)).Distinct().ToList();
            Assert.True(keys.Count <= 1 || keys.Exists(key => key!.Contains("localhost", StringComparison.Ordinal) || key.StartsWith("api.", StringComparison.Ordinal)), string.Join(' ', keys));
        }
    }

    [Fact]
    public void An_event_is_shown_as_the_sender_names_it()
    {
        Assert.Equal("git.push", Read("azure-devops/drone-push.json", "").Event);
        Assert.Equal("Push Hook", Read("gitlab/drone-push.json", "Push Hook").Event);
        Assert.Equal("tag_push", Read("gitlab/goplayground-system-tag-event.json", "System Hook").Event);
        Assert.Equal("repo:push", Read("bitbucket-cloud/drone-push.json", "repo:push").Event);
        Assert.Equal("refs/tags/v1.0.0 (deleted)", Read("gitlab/drone-tag_delete.json", "Tag Push Hook").RefsText);
        Assert.Equal("03c164c2-8912-4d5e-8009-3707d5f83734", Read("azure-devops/drone-push.json", "").SenderDeliveryId);
        Assert.Equal("PRJ/my-repo", Read("bitbucket-server/drone-push.json", "repo:refs_changed").RepositoryName);
    }

    internal static HeaderDictionary HeadersOf(string provider, string eventName) => provider switch
    {
        Senders.GitHub => Requests.Headers(("X-GitHub-Event", eventName)),
        Senders.Gitea => Requests.Headers(("X-Gitea-Event", eventName), ("X-Gogs-Event", eventName), ("X-GitHub-Event", eventName)),
        Senders.Gogs => Requests.Headers(("X-Gogs-Event", eventName)),
        Senders.Forgejo => Requests.Headers(("X-Forgejo-Event", eventName), ("X-Gitea-Event", eventName), ("X-GitHub-Event", eventName)),
        Senders.GitLab => Requests.Headers(("X-Gitlab-Event", eventName)),
        Senders.BitbucketCloud => Requests.Headers(("X-Event-Key", eventName), ("X-Hook-UUID", "a3b")),
        Senders.BitbucketServer => Requests.Headers(("X-Event-Key", eventName)),
        _ => Requests.Headers(),
    };

    private static DeliveryContent Read(string file, string eventName)
    {
        var provider = file.Split('/')[0];
        return PayloadReader.Read(provider, HeadersOf(provider, eventName), new(RealPayloads.Read(file)));
    }

    private static string KeyOf(DeliveryContent content) => content.RepositoryUrls.Count == 0 ? ""
        : content.Provider == Senders.BitbucketServer ? RepositoryAddress.BitbucketServerKeyOf(content.RepositoryUrls[0])! : RepositoryAddress.KeyOf(content.RepositoryUrls[0])!;

    private static string Text(RefChange change) =>
        string.Create(CultureInfo.InvariantCulture, $"{change.Kind.ToString().ToLowerInvariant()} {change.Name} {(change.Deleted ? "deleted" : change.After?[..10] ?? "?")}");
}
