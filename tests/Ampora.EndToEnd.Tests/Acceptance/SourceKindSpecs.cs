using System.Text.Json.Nodes;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>Each kind of source from its creation to its runs, seen from outside.</summary>
public abstract class SourceKindSpecs(Deployment deployment)
{
    [Fact]
    public async Task A_repository_behind_ssh_is_synced_with_a_key_that_a_passphrase_locks()
    {
        await using var host = await SshGitServer.StartAsync(cancellationToken: Deployment.Token);
        var key = await host.CreateKeyAsync(passphrase: "correct horse", cancellationToken: Deployment.Token);
        var repository = host.CreateRepository("acme/fleet");
        var first = await repository.CommitAsync(("a.txt", "one"));
        object Credential(string passphrase) => new { type = "ssh", privateKey = key.PrivateKey, passphrase, knownHosts = host.KnownHosts };

        var tried = await deployment.PostAsync("/api/git/source-tests", new { url = repository.Url, credential = Credential("correct horse") });
        Assert.Equal((true, "ssh-v2"), (tried["ok"]!.GetValue<bool>(), tried["transport"]!.GetValue<string>()));
        Assert.Equal(first, tried["ref"]!["sha"]!.GetValue<string>());
        var refused = await deployment.PostAsync("/api/git/source-tests", new { url = repository.Url, credential = Credential("wrong") });
        Assert.Equal((false, "key_unreadable"), (refused["ok"]!.GetValue<bool>(), refused["error"]!["code"]!.GetValue<string>()));

        var source = await AddAsync(repository, new { credential = Credential("correct horse") });
        await source.WaitForRunAsync(first);
        var second = await repository.CommitAsync(("a.txt", "two"));
        await source.WakeAsync();
        Assert.Equal("webhook", (await source.WaitForRunAsync(second))["trigger"]!.GetValue<string>());
    }

    [Fact]
    public async Task Branches_tags_patterns_commits_and_the_default_branch_are_followed_each_in_its_way()
    {
        var repository = deployment.Git.CreateRepository($"kinds-{Guid.NewGuid():n}"[..16]);
        var pinned = await repository.CommitAsync(("a.txt", "one"));
        var tagged = await repository.CommitAsync(("a.txt", "two"));
        await repository.TagAsync("v1.9.0", pinned);
        await repository.TagAsync("v1.10.0", tagged);
        var head = await repository.CommitAsync(("a.txt", "three"));
        (string? Ref, string Sha, string Resolved)[] kinds =
        [
            ("main", head, "refs/heads/main"),
            (null, head, "refs/heads/main"),
            ("refs/tags/v1.9.0", pinned, "refs/tags/v1.9.0"),
            ("tags/v1.*", tagged, "refs/tags/v1.10.0"),
            (pinned, pinned, pinned),
        ];
        var sources = new List<WatchedSource>();
        foreach (var kind in kinds)
            sources.Add(await AddAsync(repository, kind.Ref is null ? new { } : new { @ref = kind.Ref }));
        foreach (var (source, kind) in sources.Zip(kinds))
        {
            await source.WaitForRunAsync(kind.Sha);
            Assert.Equal(kind.Resolved, (await source.ShowAsync())["state"]!["tip"]!["ref"]!.GetValue<string>());
        }

        // The default branch moves, and a higher version comes.
        var trunk = await repository.CommitAsync([new GitFile("a.txt", "four"u8.ToArray())], "trunk", parent: head);
        await repository.RunGitAsync("symbolic-ref", "HEAD", "refs/heads/trunk");
        await repository.RunGitAsync("tag", "v1.11.0", trunk);
        foreach (var source in new[] { sources[1], sources[3] })
        {
            await source.WakeAsync();
            await source.WaitForRunAsync(trunk);
        }

        Assert.Equal("refs/heads/trunk", (await sources[1].ShowAsync())["state"]!["tip"]!["ref"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_push_that_changes_nothing_included_is_no_run_and_is_seen_on_the_source()
    {
        var repository = deployment.Git.CreateRepository($"filtered-{Guid.NewGuid():n}"[..16]);
        var first = await repository.CommitAsync(("apps/a.yaml", "1"), ("docs/a.md", "1"));
        var source = await AddAsync(repository, new { include = new[] { "/apps/" }, exclude = new[] { "*.md" } });
        await source.WaitForRunAsync(first);

        var skipped = await repository.CommitAsync(("docs/a.md", "2"), ("apps/b.md", "1"));
        await source.WakeAsync();
        var state = await deployment.EventuallyAsync(
            async () => (await source.ShowAsync())["state"] is { } shown && shown["tip"]!["sha"]!.GetValue<string>() == skipped ? shown : null, "the tip moves");
        Assert.Equal((first, skipped), (state["lastSkipped"]!["previousSha"]!.GetValue<string>(), state["lastSkipped"]!["sha"]!.GetValue<string>()));
        Assert.Single(await source.RunsAsync());

        var seen = await repository.CommitAsync(("apps/a.yaml", "2"), ("docs/a.md", "3"));
        await source.WakeAsync();
        var run = await source.WaitForRunAsync(seen);
        Assert.Equal("apps/a.yaml", Assert.Single(run["changes"]!.AsArray())!["path"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_source_that_requires_a_signature_fails_without_and_keeps_its_last_good_snapshot()
    {
        using var key = await CommitKey.CreateAsync("ed25519", Deployment.Token);
        var repository = deployment.Git.CreateRepository($"signed-{Guid.NewGuid():n}"[..16]);
        await repository.CommitAsync(("a.txt", "one"));
        var signed = await key.SignTipAsync(repository);
        var source = await AddAsync(repository, new { verify = new { allowedSigners = key.AllowedAs("ada@example.org") } });
        await source.WaitForRunAsync(signed);

        await repository.CommitAsync(("a.txt", "two"));
        await source.WakeAsync();
        var failed = await source.WaitForRunAsync(run => run["outcome"]!.GetValue<string>() == "failed", "the unsigned tip fails");
        Assert.Equal("signature_missing", failed["error"]!["code"]!.GetValue<string>());
        Assert.Equal(signed, (await deployment.GetAsync($"/api/git/sources/{source.Id}/snapshots/latest"))["sha"]!.GetValue<string>());

        // Without the policy the same tip is good.
        await deployment.PatchAsync($"/api/git/sources/{source.Id}", new { verify = (object?)null });
        await source.WaitForTipAsync();
    }

    [Fact]
    public async Task A_repository_that_its_host_has_moved_is_followed_and_says_so()
    {
        var old = deployment.Git.CreateRepository($"old-{Guid.NewGuid():n}"[..16]);
        var moved = deployment.Git.CreateRepository($"new-{Guid.NewGuid():n}"[..16]);
        var sha = await moved.CommitAsync(("a.txt", "one"));
        old.RedirectTo = moved.Url;

        var source = await AddAsync(old, new { });
        await source.WaitForRunAsync(sha);

        Assert.Equal(moved.Url, (await source.ShowAsync())["state"]!["movedTo"]!.GetValue<string>());
    }

    private async Task<WatchedSource> AddAsync(GitRepository repository, object settings)
    {
        var id = $"kind-{Guid.NewGuid():n}"[..20];
        var body = System.Text.Json.JsonSerializer.SerializeToNode(settings)!.AsObject();
        body["id"] = id;
        body["url"] = repository.Url;
        body["pollIntervalSeconds"] = 86_400;
        await deployment.PostAsync("/api/git/sources", body);
        var token = (await deployment.PostAsync($"/api/git/sources/{id}/webhook/token", new JsonObject()))["token"]!.GetValue<string>();
        return new WatchedSource(deployment, id, repository, token);
    }
}
