using System.Text.Json.Nodes;
using Ampora.Deployments;
using Ampora.TestServers;

namespace Ampora.EndToEnd.Tests.Acceptance;

/// <summary>One hook of a whole organisation over many sources: a delivery wakes those on its repository and ref, and no other.</summary>
public abstract class SharedHookSpecs(Deployment deployment, int sources)
{
    private const int Repositories = 5;
    private static readonly string[] Refs = ["main", "refs/heads/release", "HEAD"];

    [Fact]
    public async Task One_delivery_of_an_organisations_hook_wakes_exactly_the_sources_on_its_repository_and_ref()
    {
        var organisation = $"org-{Guid.NewGuid():n}"[..12];
        var repositories = new GitRepository[Repositories];
        for (var i = 0; i < Repositories; i++)
        {
            repositories[i] = deployment.Git.CreateRepository($"{organisation}/repo-{i}");
            await repositories[i].RunGitAsync("branch", "release", await repositories[i].CommitAsync(("README.md", $"# {i}\n")));
        }

        var hook = await deployment.PutAsync($"/api/git/webhook-secrets/{organisation}", new
        {
            provider = "github",
            prefix = $"{new Uri(deployment.Git.BaseUrl).Authority}/{organisation}/",
        });
        var watched = Enumerable.Range(0, sources).Select(i => Watched.Of(organisation, i)).ToList();
        await Parallel.ForEachAsync(watched, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (source, _) =>
            await deployment.PostAsync("/api/git/sources", new { id = source.Id, url = repositories[source.Repository].Url, @ref = source.Ref, paused = source.Paused, pollIntervalSeconds = 86_400 }));
        await deployment.EventuallyAsync(
            async () => (await TipsAsync(organisation)).Count == watched.Count(s => !s.Paused) ? "synced" : null, "every source that is not paused has its first tip", 120);

        var sha = await repositories[0].CommitAsync(("pushed", "1"));
        var answer = await deployment.DeliverAsync(GitHubDelivery.Sign(
            "/api/git/webhook", hook["token"]!.GetValue<string>(), GitHubDelivery.PushOf(repositories[0].Url, sha)));

        var onIt = watched.Where(s => s.Repository == 0).ToList();
        string[] woken = [.. onIt.Where(s => s is { Paused: false, Ref: not "refs/heads/release" }).Select(s => s.Id).Order(StringComparer.Ordinal)];
        Assert.Equal("accepted", answer["verdict"]!.GetValue<string>());
        Assert.Equal(woken, answer["matched"]!.AsArray().Select(id => id!.GetValue<string>()));

        await deployment.EventuallyAsync(
            async () => Synced(await TipsAsync(organisation), sha).SequenceEqual(woken) ? "synced" : null, "the sources that were woken, and no other, have the commit", 60);
        var ledger = await LedgerAsync(answer["deliveryId"]!.GetValue<string>());
        Assert.Equal(onIt.Count, ledger.Count);
        foreach (var source in onIt)
        {
            var delivery = ledger[source.Id];
            var expected = source switch
            {
                { Ref: "refs/heads/release" } => ("ignored", "ref_not_tracked"),
                { Paused: true } => ("ignored", "source_paused"),
                _ => ("accepted", null),
            };
            // A paused source that tracks another ref as well may be ignored for either.
            if (source is not { Paused: true, Ref: "refs/heads/release" })
                Assert.Equal(expected, (delivery["verdict"]!.GetValue<string>(), delivery["reason"]?.GetValue<string>()));
            Assert.Equal(organisation, delivery["secretName"]!.GetValue<string>());
        }
    }

    [Fact]
    public async Task A_repository_without_a_source_is_said_to_have_matched_nothing_and_only_to_a_sender_that_was_verified()
    {
        var organisation = $"org-{Guid.NewGuid():n}"[..12];
        var hook = await deployment.PutAsync($"/api/git/webhook-secrets/{organisation}", new { provider = "github", prefix = $"github.example/{organisation}/" });
        var body = GitHubDelivery.PushOf($"https://github.example/{organisation}/nobody-watches-it.git", new string('a', 40));

        var answer = await deployment.DeliverAsync(GitHubDelivery.Sign("/api/git/webhook", hook["token"]!.GetValue<string>(), body));
        using var stranger = GitHubDelivery.Sign("/api/git/webhook", "not the organisation's secret", body);
        using var refused = await deployment.Sender.SendAsync(stranger, Deployment.Token);

        Assert.Equal(("ignored", "nothing_matched"), (answer["verdict"]!.GetValue<string>(), answer["reason"]!.GetValue<string>()));
        Assert.Empty(answer["matched"]!.AsArray());
        Assert.NotEmpty(answer["detail"]!.GetValue<string>());
        Assert.Equal(System.Net.HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.DoesNotContain("matched", await refused.Content.ReadAsStringAsync(Deployment.Token), StringComparison.Ordinal);
    }

    private static IEnumerable<string> Synced(Dictionary<string, string> tips, string sha) =>
        tips.Where(tip => tip.Value == sha).Select(tip => tip.Key).Order(StringComparer.Ordinal);

    private async Task<Dictionary<string, string>> TipsAsync(string organisation)
    {
        // Showing hundreds of sources takes the time that their checks need.
        await Task.Delay(250, Deployment.Token);
        var tips = new Dictionary<string, string>();
        await foreach (var source in AllAsync("/api/git/sources?limit=200"))
        {
            if (source["id"]!.GetValue<string>() is var id && id.StartsWith($"{organisation}-", StringComparison.Ordinal) && source["state"]!["tip"] is { } tip)
                tips[id] = tip["sha"]!.GetValue<string>();
        }

        return tips;
    }

    private async Task<Dictionary<string, JsonNode>> LedgerAsync(string deliveryId)
    {
        var ledger = new Dictionary<string, JsonNode>();
        await foreach (var delivery in AllAsync("/api/git/deliveries?limit=200"))
        {
            if (delivery["deliveryId"]!.GetValue<string>() == deliveryId)
                ledger.Add(delivery["sourceId"]!.GetValue<string>(), delivery);
            else if (ledger.Count > 0)
                break;
        }

        return ledger;
    }

    private async IAsyncEnumerable<JsonNode> AllAsync(string path)
    {
        for (string? cursor = null; ;)
        {
            var page = await deployment.GetAsync(cursor is null ? path : $"{path}&cursor={Uri.EscapeDataString(cursor)}");
            foreach (var item in page["items"]!.AsArray())
                yield return item!;
            cursor = page["next"]?.GetValue<string>();
            if (cursor is null)
                yield break;
        }
    }

    private sealed record Watched(string Id, int Repository, string Ref, bool Paused)
    {
        // Some of those on the repository that is pushed to are paused, and of the others more: each that is not makes a sync first.
        public static Watched Of(string organisation, int i) => new(
            $"{organisation}-{i}", i % Repositories, Refs[i / Repositories % Refs.Length], i % Repositories == 0 ? i % 7 == 3 : i % 2 == 1);
    }
}
