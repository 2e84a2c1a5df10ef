using System.Runtime.CompilerServices;

namespace Ampora.Ingress.Tests.Hosts;

/// <summary>What Git hosts really sent. They are not part of this repository; where they are absent, their tests say so.</summary>
internal static class RealPayloads
{
    private static readonly string Folder = Path.GetFullPath(Path.Combine(Here(), "../../../../shared/payloads"));

    /// <summary>File, event as its header names it, a URL of the repository, the ref that moved, and what that makes of the delivery.</summary>
    public static IReadOnlyList<RealPayload> All { get; } = [.. new TheoryData<string, string, string, string, string>
    {
        { "azure-devops/drone-push.json", "", "https://dev.azure.com/fabrikam-fiber-inc/fabrikam-fiber-git/_git/fabrikam-fiber-git", "master", "accepted" },
        { "azure-devops/goplayground-git.pullrequest.created.json", "", "https://dev.azure.com/fabrikam/fabrikam/_git/fabrikam", "main", "event_not_relevant" },
        { "azure-devops/goplayground-git.push.json", "", "https://dev.azure.com/fabrikam-fiber-inc/fabrikam-fiber-git/_git/fabrikam-fiber-git", "main", "accepted" },
        { "bitbucket-cloud/drone-push.json", "repo:push", "https://bitbucket.org/brydzewski/foo.git", "master", "accepted" },
        { "bitbucket-cloud/drone-push_branch_create.json", "repo:push", "https://bitbucket.org/brydzewski/foo.git", "develop", "accepted" },
        { "bitbucket-cloud/drone-push_branch_delete.json", "repo:push", "https://bitbucket.org/brydzewski/foo.git", "develop", "accepted" },
        { "bitbucket-cloud/drone-push_tag_create.json", "repo:push", "https://bitbucket.org/brydzewski/foo.git", "refs/tags/feature/x", "accepted" },
        { "bitbucket-cloud/drone-push_tag_delete.json", "repo:push", "https://bitbucket.org/brydzewski/foo.git", "refs/tags/feature/x", "accepted" },
        { "bitbucket-cloud/goplayground-repo-push.json", "repo:push", "https://api.bitbucket.org/bitbucket/bitbucket.git", "name-of-branch", "accepted" },
        { "bitbucket-server/drone-push.json", "repo:refs_changed", "ssh://git@git.acme.example:7999/prj/my-repo.git", "master", "accepted" },
        { "bitbucket-server/drone-push_branch_create.json", "repo:refs_changed", "ssh://git@git.acme.example:7999/prj/my-repo.git", "develop", "accepted" },
        { "bitbucket-server/drone-push_branch_delete.json", "repo:refs_changed", "ssh://git@git.acme.example:7999/prj/my-repo.git", "develop", "accepted" },
        { "bitbucket-server/drone-push_tag_create.json", "repo:refs_changed", "ssh://git@git.acme.example:7999/prj/my-repo.git", "refs/tags/v1.1.0", "accepted" },
        { "bitbucket-server/drone-push_tag_delete.json", "repo:refs_changed", "ssh://git@git.acme.example:7999/prj/my-repo.git", "refs/tags/v1.1.0", "accepted" },
        { "bitbucket-server/drone-push_v5.json", "repo:refs_changed", "https://git.acme.example/bitbucket/scm/ISCLOUD/transamerica.cloud.individual.tftest.git", "trangineni/devtfvars-1685475548410", "accepted" },
        { "bitbucket-server/goplayground-repo-refs-changed.json", "repo:refs_changed", "https://server.bitbucket.local/scm/~gopher/webhook-test.git", "feature/wip", "accepted" },
        { "gitea/drone-branch_create.json", "create", "http://try.gitea.io/gogits/hello-world.git", "feature", "accepted" },
        { "gitea/drone-branch_delete.json", "delete", "http://try.gitea.io/gogits/hello-world.git", "feature", "accepted" },
        { "gitea/drone-push.json", "push", "http://try.gitea.io/gogits/hello-world.git", "master", "accepted" },
        { "gitea/drone-tag_create.json", "create", "http://try.gitea.io/gogits/hello-world.git", "refs/tags/v1.0.0", "accepted" },
        { "gitea/drone-tag_delete.json", "delete", "http://try.gitea.io/gogits/hello-world.git", "refs/tags/v1.0.0", "accepted" },
        { "gitea/goplayground-create-event.json", "create", "http://localhost:3000/example/example.git", "master", "accepted" },
        { "gitea/goplayground-delete-event.json", "delete", "http://localhost:3000/example/example.git", "example3", "accepted" },
        { "gitea/goplayground-push-event.json", "push", "http://localhost:3000/example/example.git", "master", "accepted" },
        { "github/drone-branch_create.json", "create", "https://github.com/bradrydzewski/drone-test-go.git", "feature-branch", "accepted" },
        { "github/drone-branch_delete.json", "delete", "https://github.com/bradrydzewski/drone-test-go.git", "feature-branch", "accepted" },
        { "github/drone-push.json", "push", "https://github.com/codertocat/hello-world.git", "master", "accepted" },
        { "github/drone-push_branch_create.json", "push", "https://github.com/bradrydzewski/drone-test-go.git", "feature-branch", "accepted" },
        { "github/drone-push_branch_delete.json", "push", "https://github.com/bradrydzewski/drone-test-go.git", "feature-branch", "accepted" },
        { "github/drone-push_tag.json", "push", "https://github.com/bradrydzewski/drone-test-go.git", "refs/tags/v0.0.1", "accepted" },
        { "github/drone-push_tag_delete.json", "push", "https://github.com/bradrydzewski/drone-test-go.git", "refs/tags/v0.0.1", "accepted" },
        { "github/drone-tag_create.json", "create", "https://github.com/bradrydzewski/drone-test-go.git", "refs/tags/v0.0.1", "accepted" },
        { "github/drone-tag_delete.json", "delete", "https://github.com/bradrydzewski/drone-test-go.git", "refs/tags/v0.0.1", "accepted" },
        { "github/goplayground-create.json", "create", "https://github.com/baxterthehacker/public-repo.git", "refs/tags/0.0.1", "accepted" },
        { "github/goplayground-delete.json", "delete", "https://github.com/baxterthehacker/public-repo.git", "refs/tags/simple-tag", "accepted" },
        { "github/goplayground-ping.json", "ping", "https://github.com/acme/fleet.git", "main", "ping" },
        { "github/goplayground-push.json", "push", "https://github.com/binkkatal/sample_app.git", "master", "accepted" },
        { "gitlab/drone-branch_create.json", "Push Hook", "https://gitlab.com/gitlab-org/hello-world.git", "feature", "accepted" },
        { "gitlab/drone-branch_delete.json", "Push Hook", "https://gitlab.com/gitlab-org/hello-world.git", "feature", "accepted" },
        { "gitlab/drone-branch_delete_subgroup.json", "Push Hook", "https://gitlab.com/group1/group2/group3/grp2repo.git", "feature", "accepted" },
        { "gitlab/drone-push.json", "Push Hook", "https://gitlab.com/gitlab-org/hello-world.git", "master", "accepted" },
        { "gitlab/drone-push_merge.json", "Push Hook", "https://gitlab.com/gitlab-org/hello-world.git", "master", "accepted" },
        { "gitlab/drone-push_subgroup.json", "Push Hook", "https://gitlab.com/group1/group2/group3/grp2repo.git", "master", "accepted" },
        { "gitlab/drone-tag_create.json", "Tag Push Hook", "https://gitlab.com/gitlab-org/hello-world.git", "refs/tags/v1.0.0", "accepted" },
        { "gitlab/drone-tag_delete.json", "Tag Push Hook", "https://gitlab.com/gitlab-org/hello-world.git", "refs/tags/v1.0.0", "accepted" },
        { "gitlab/drone-tag_delete_subgroup.json", "Tag Push Hook", "https://gitlab.com/group1/group2/group3/grp2repo.git", "refs/tags/v1.0.0", "accepted" },
        { "gitlab/goplayground-push-event.json", "Push Hook", "https://example.com/mike/diaspora.git", "master", "accepted" },
        { "gitlab/goplayground-system-push-event.json", "System Hook", "https://example.com/mike/diaspora.git", "master", "accepted" },
        { "gitlab/goplayground-system-tag-event.json", "System Hook", "https://example.com/jsmith/example.git", "refs/tags/v1.0.0", "accepted" },
        { "gitlab/goplayground-tag-event.json", "Tag Push Hook", "https://example.com/jsmith/example.git", "refs/tags/v1.0.0", "accepted" },
        { "gogs/drone-branch_create.json", "create", "http://try.gogs.io/gogits/hello-world.git", "feature", "accepted" },
        { "gogs/drone-branch_delete.json", "delete", "http://try.gogs.io/gogits/hello-world.git", "feature", "accepted" },
        { "gogs/drone-push.json", "push", "http://try.gogs.io/gogits/hello-world.git", "master", "accepted" },
        { "gogs/drone-tag_create.json", "create", "http://try.gogs.io/gogits/hello-world.git", "refs/tags/v1.0.0", "accepted" },
        { "gogs/drone-tag_delete.json", "delete", "http://try.gogs.io/gogits/hello-world.git", "refs/tags/v1.0.0", "accepted" },
        { "gogs/goplayground-create-event.json", "create", "https://gogs.example.com/user/repo.git", "feature-branch", "accepted" },
        { "gogs/goplayground-delete-event.json", "delete", "https://gogs.example.com/user/repo.git", "obsolete-branch", "accepted" },
        { "gogs/goplayground-push-event.json", "push", "http://localhost:3000/unknwon/webhooks.git", "develop", "accepted" },
    }.Select(row => new RealPayload(row.Data.Item1, row.Data.Item2, row.Data.Item3, row.Data.Item4, row.Data.Item5))];

    public static void SkipWithout() => Assert.SkipUnless(Directory.Exists(Folder), $"{Folder} is not there");

    public static byte[] Read(string file) => File.ReadAllBytes(Path.Combine(Folder, file));

    public static IEnumerable<string> Files() => Directory.EnumerateFiles(Folder, "*.json", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Folder, path));

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}

/// <summary>One of them.</summary>
internal sealed record RealPayload(string File, string Event, string Url, string Ref, string Verdict)
{
    public string Folder => File.Split('/')[0];
}
