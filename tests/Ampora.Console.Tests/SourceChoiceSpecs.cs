using System.Text.Json.Nodes;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tests;

/// <summary>What of a repository counts for a source: ref, paths, signers.</summary>
public sealed class SourceChoiceSpecs(Consoles consoles)
{
    private const string Signers = "# the team\nada@example.org namespaces=\"git\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Each_is_set_kept_removed_and_checked_anew_as_all_settings_are(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = TestConsole.Unique("s");
        var path = $"/api/git/sources/{id}";
        var created = await console.Admin.SendJsonAsync(HttpMethod.Post, "/api/git/sources", new
        {
            id,
            url = "https://git.example.com/acme/fleet.git",
            @ref = "tags/v1.*",
            include = new[] { "/apps/", "!/apps/old/", "# comment", "" },
            exclude = new[] { "*.md" },
            verify = new { allowedSigners = Signers.Replace("\n", "\r\n", StringComparison.Ordinal) },
        });
        Assert.Equal("tags/v1.*", created.Text("ref"));
        Assert.Equal(["/apps/", "!/apps/old/", "# comment", ""], Texts(created["include"]));
        Assert.Equal(["*.md"], Texts(created["exclude"]));
        Assert.Equal(Signers, created["verify"]!.Text("allowedSigners"));
        var config = await ConfigAsync();

        // Left out of a merge they stay, and what is the same is no change.
        var merged = await console.Admin.SendJsonAsync(
            HttpMethod.Patch, path, new { owner = "ada", exclude = new[] { "*.md" }, verify = new { } });
        Assert.Equal((Signers, 4, config), (merged["verify"]!.Text("allowedSigners"), Texts(merged["include"]).Count, await ConfigAsync()));

        foreach (var change in new[]
        {
            """{"include":null}""", """{"exclude":[]}""", """{"verify":null}""", """{"include":["docs/"]}""", """{"exclude":["x"]}""",
            new JsonObject { ["verify"] = new JsonObject { ["allowedSigners"] = Signers } }.ToJsonString(), """{"ref":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}""",
        })
        {
            await console.Admin.SendJsonAsync(HttpMethod.Patch, path, change);
            var now = await ConfigAsync();
            Assert.True(now > config, change);
            config = now;
        }

        // PUT with what GET shows changes nothing; without them they are gone.
        var shown = await console.Admin.GetJsonAsync(path);
        Assert.Equal(["docs/"], Texts((await console.Admin.SendJsonAsync(HttpMethod.Put, path, shown))["include"]));
        Assert.Equal(config, await ConfigAsync());
        var replaced = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { url = "https://git.example.com/acme/fleet.git" });
        Assert.Empty(Texts(replaced["include"]));
        Assert.Empty(Texts(replaced["exclude"]));
        Assert.Null(replaced["verify"]);
        Assert.Equal("HEAD", replaced.Text("ref"));

        var entry = await RecordedAsync(console, id, "include");
        Assert.Equal(("docs/", ""), (entry["detail"]!.Text("include.before"), entry["detail"]!.Text("include.after")));
        Assert.Equal((Signers, ""), (entry["detail"]!.Text("verify.before"), entry["detail"]!.Text("verify.after")));

        async Task<long> ConfigAsync()
        {
            await using var context = console.Store.Read();
            return await context.Wakeups.Where(w => w.SourceId == id).Select(w => w.Config).SingleAsync(Stop);
        }
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_made_no_run_and_where_the_repository_went_is_shown(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}";
        var first = await console.SweepAsync(id, ("a.txt", "100644", Sweeping.Bytes("1")));
        var state = (await console.Admin.GetJsonAsync(path))["state"]!;
        Assert.Equal("refs/heads/main", state["tip"]!.Text("ref"));
        Assert.Null(state["movedTo"]);
        Assert.Null(state["lastSkipped"]);
        Assert.Equal(0, state["skipped"]!.GetValue<long>());

        await console.DeliverAsync(id);
        var second = new string('b', 40);
        await console.SweepTreeAsync(id, second, DateTimeOffset.UnixEpoch, [], skipped: true, movedTo: "https://git.example.com/new/fleet.git");
        state = (await console.Admin.GetJsonAsync(path))["state"]!;
        Assert.Equal((second, "https://git.example.com/new/fleet.git"), (state["tip"]!.Text("sha"), state.Text("movedTo")));
        Assert.Equal((first, second), (state["lastSkipped"]!.Text("previousSha"), state["lastSkipped"]!.Text("sha")));
        Assert.EndsWith("Z", state["lastSkipped"]!.Text("at"), StringComparison.Ordinal);
        Assert.Equal(1, state["skipped"]!.GetValue<long>());
        Assert.Single((await console.Admin.GetJsonAsync($"{path}/runs")).Items());

        var changed = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { url = "https://git.example.com/new/fleet.git" });
        Assert.Null(changed["state"]!["movedTo"]);
    }

    private static List<string> Texts(JsonNode? array) => [.. array!.AsArray().Select(item => item!.GetValue<string>())];

    private static async Task<JsonNode> RecordedAsync(TestConsole console, string id, string changed)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        for (; ; await Task.Delay(50, deadline.Token))
        {
            var page = await console.Admin.GetJsonAsync($"/api/audit?subject=source:{id}&action=source.changed");
            // The last change, a PUT, named them all.
            if (page.Items() is [var latest, ..] && latest["detail"]!.Text("changed").Contains("ref, ", StringComparison.Ordinal)
                && latest["detail"]!.Text("changed").Contains(changed, StringComparison.Ordinal))
                return latest;
        }
    }
}
