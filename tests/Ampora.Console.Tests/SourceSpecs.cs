using System.Net;
using System.Text.Json.Nodes;
using Ampora.Database;
using Ampora.Git.Credentials;
using Ampora.Store.Secrets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Ampora.Console.Tests;

public sealed class SourceSpecs(Consoles consoles)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_created_source_has_every_default_and_is_asked_to_be_checked(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = TestConsole.Unique("s");
        using var response = await console.Admin.CallAsync(HttpMethod.Post, "/api/git/sources", new { id, url = "https://Git.Example.com:443/acme/fleet.git" });
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal($"/api/git/sources/{id}", response.Headers.Location?.ToString());
        Assert.Equal("\"1\"", response.Headers.ETag?.ToString());

        var source = JsonNode.Parse(await response.Content.ReadAsStringAsync(Stop))!;
        var now = TimeProvider.System.GetUtcNow();
        Assert.Equal(id, source.Text("id"));
        Assert.Equal("https://git.example.com/acme/fleet.git", source.Text("url"));
        Assert.Equal("HEAD", source.Text("ref"));
        Assert.Equal(60, source["pollIntervalSeconds"]!.GetValue<int>());
        Assert.Equal("fixed", source.Text("polling"));
        Assert.False(source["paused"]!.GetValue<bool>());
        Assert.Empty(source["labels"]!.AsObject());
        Assert.Null(source["credential"]);
        Assert.Equal("token", source["webhook"]!.Text("auth"));
        Assert.Equal($"{console.Address}api/git/webhook/{id}", source["webhook"]!.Text("url"));
        Assert.False(source["webhook"]!["hasSecret"]!.GetValue<bool>());
        Assert.EndsWith("Z", source.Text("createdAt"), StringComparison.Ordinal);
        Assert.InRange(source["createdAt"]!.GetValue<DateTimeOffset>(), now.AddMinutes(-5), now.AddMinutes(5));
        var state = source["state"]!;
        Assert.Equal("unknown", state.Text("health"));
        Assert.Equal("idle", state.Text("phase"));
        Assert.Equal("unknown", state.Text("webhookHealth"));
        Assert.Null(state["tip"]);
        Assert.Equal(0, state["failures"]!.GetValue<int>());

        await using var context = console.Store.Read();
        var wakeup = await context.Wakeups.SingleAsync(w => w.SourceId == id, Stop);
        Assert.Equal((1, 0, "git.example.com:443"), (wakeup.Wanted, wakeup.Done, wakeup.Host));
        Assert.Equal("token:admin", (await context.CheckRequests.SingleAsync(r => r.SourceId == id, Stop)).Actor);
        await console.Admin.RefusedAsync(409, "source_exists", HttpMethod.Post, "/api/git/sources", new { id, url = "https://git.example.com/other.git" });
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_source_created_twice_at_once_exists_once(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = TestConsole.Unique("s");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            console.Admin.CallAsync(HttpMethod.Post, "/api/git/sources", new { id, url = "https://git.example.com/acme/fleet.git" })));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.Created);
        Assert.Equal(7, answers.Count(a => a.StatusCode == HttpStatusCode.Conflict));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_merge_changes_what_it_names_and_null_brings_the_default_back(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync(labels: new { env = "prod", team = "web" });
        var path = $"/api/git/sources/{id}";
        var changed = await console.Admin.SendJsonAsync(
            HttpMethod.Patch, path, """{"description":"the fleet\nof ships","labels":{"env":null,"tier":"1"},"pollIntervalSeconds":5,"ref":"release"}""");
        Assert.Equal("the fleet\nof ships", changed.Text("description"));
        Assert.Equal(["team", "tier"], changed["labels"]!.AsObject().Select(l => l.Key));
        Assert.Equal(5, changed["pollIntervalSeconds"]!.GetValue<int>());
        Assert.Equal("release", changed.Text("ref"));

        var reset = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, """{"pollIntervalSeconds":null,"description":null,"ref":null,"labels":null}""");
        Assert.Equal(60, reset["pollIntervalSeconds"]!.GetValue<int>());
        Assert.Null(reset["description"]);
        Assert.Equal("HEAD", reset.Text("ref"));
        Assert.Empty(reset["labels"]!.AsObject());
        Assert.Equal("token", reset["webhook"]!.Text("auth"));

        await using var context = console.Store.Read();
        var wakeup = await context.Wakeups.SingleAsync(w => w.SourceId == id, Stop);
        // Created, then two other refs: each is another thing to fetch, and asks for a check.
        Assert.Equal(3, wakeup.Wanted);
        Assert.Equal(60, wakeup.PollIntervalSeconds);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Another_url_raises_fence_and_config_and_asks_while_a_label_does_not(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        await using var context = console.Store.Read();
        var before = await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop);

        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { labels = new { a = "b" }, description = "x" });
        var labelled = await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop);
        Assert.Equal((before.Fence, before.Config, before.Wanted), (labelled.Fence, labelled.Config, labelled.Wanted));

        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { url = "http://git.example.org:3000/x.git" });
        var moved = await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop);
        Assert.True(moved.Fence > before.Fence);
        Assert.True(moved.Config > before.Config);
        Assert.Equal((before.Wanted + 1, "git.example.org:3000"), (moved.Wanted, moved.Host));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task What_was_read_can_be_put_back_and_changes_nothing(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync(labels: new { env = "prod" }, credential: new { type = "basic", username = "u", password = "pass-word-1" });
        var path = $"/api/git/sources/{id}";
        using var read = await console.Admin.CallAsync(HttpMethod.Get, path);
        var tag = read.Headers.ETag!.ToString();
        using var put = await console.Admin.CallAsync(HttpMethod.Put, path, await read.Content.ReadAsStringAsync(Stop), ("If-Match", tag));
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        Assert.Equal(tag, put.Headers.ETag!.ToString());

        var replaced = await console.Admin.SendJsonAsync(HttpMethod.Put, path, new { url = $"https://git.example.com/acme/{id}.git" });
        Assert.Empty(replaced["labels"]!.AsObject());
        // Nobody can read a credential, so that leaving it out cannot mean to remove it.
        Assert.Equal("basic", replaced["credential"]!.Text("type"));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_change_on_a_version_that_is_not_the_current_one_is_refused(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}";
        using var read = await console.Admin.CallAsync(HttpMethod.Get, path);
        var tag = read.Headers.ETag!.ToString();

        using var first = await console.Admin.CallAsync(HttpMethod.Patch, path, new { owner = "one" }, ("If-Match", tag));
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.NotEqual(tag, first.Headers.ETag!.ToString());
        foreach (var stale in new[] { tag, $"W/{first.Headers.ETag}", "nonsense", "\"77\", \"78\"" })
        {
            await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Patch, path, new { owner = "two" }, ("If-Match", stale));
            await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Put, path, new { url = "https://git.example.com/x.git" }, ("If-Match", stale));
            await console.Admin.RefusedAsync(412, "etag_mismatch", HttpMethod.Delete, path, null, ("If-Match", stale));
        }

        Assert.Equal("one", (await console.Admin.GetJsonAsync(path)).Text("owner"));
        Assert.Equal("two", (await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { owner = "two" }, ("If-Match", "*"))).Text("owner"));
        using var deleted = await console.Admin.CallAsync(HttpMethod.Delete, path);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await console.Admin.RefusedAsync(404, "source_not_found", HttpMethod.Get, path);
        await console.Admin.RefusedAsync(404, "source_not_found", HttpMethod.Delete, path);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Of_many_changes_on_one_version_at_once_one_is_made(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(i =>
            console.Admin.CallAsync(HttpMethod.Patch, $"/api/git/sources/{id}", new { owner = $"owner-{i}" }, ("If-Match", "\"1\""))));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.OK);
        Assert.Equal(9, answers.Count(a => a.StatusCode == HttpStatusCode.PreconditionFailed));
        using var read = await console.Admin.CallAsync(HttpMethod.Get, $"/api/git/sources/{id}");
        Assert.Equal("\"2\"", read.Headers.ETag!.ToString());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_credential_is_kept_encrypted_and_never_follows_the_url_to_another_host(DatabaseDialect dialect)
    {
        const string password = "correct-horse-battery";
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync(credential: new { type = "basic", username = "robot", password });
        var path = $"/api/git/sources/{id}";
        await using var context = console.Store.Read();
        var stored = await context.Credentials.AsNoTracking().SingleAsync(c => c.SourceId == id, Stop);
        Assert.DoesNotContain(password, System.Text.Encoding.Latin1.GetString(stored.Encrypted), StringComparison.Ordinal);
        var clear = StoredCredential.Decrypt(console.Services.GetRequiredService<SecretCipher>(), id, stored.Encrypted);
        Assert.Equal(new GitCredential.Basic("robot", password), clear);
        var shown = (await console.Admin.GetJsonAsync(path))["credential"]!;
        Assert.Equal(["type", "authority", "updatedAt", "hasCa", "fingerprint"], shown.AsObject().Select(m => m.Key));
        Assert.Equal("https://git.example.com:443", shown.Text("authority"));

        foreach (var url in new[] { "http://git.example.com/acme/x.git", "https://evil.example.com/acme/x.git", "https://git.example.com:8443/acme/x.git" })
        {
            var problem = await console.Admin.RefusedAsync(422, "credential_required", HttpMethod.Patch, path, new { url });
            Assert.NotNull(problem["errors"]!["credential"]);
            await console.Admin.RefusedAsync(422, "credential_required", HttpMethod.Put, path, new { url });
        }

        await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { url = "https://git.example.com/elsewhere.git" });
        var moved = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { url = "https://other.example.com/x.git", credential = new { type = "bearer", token = "abc.def~123" } });
        Assert.Equal("bearer", moved["credential"]!.Text("type"));
        Assert.Equal("https://other.example.com:443", moved["credential"]!.Text("authority"));
        var removed = await console.Admin.SendJsonAsync(HttpMethod.Patch, path, """{"url":"https://third.example.com/x.git","credential":null}""");
        Assert.Null(removed["credential"]);
        Assert.False(await context.Credentials.AnyAsync(c => c.SourceId == id, Stop));
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task A_paused_source_is_not_checked_and_a_resumed_one_is_asked_for_at_once(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}";
        var asked = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/check");
        Assert.Matches("^req_[0-9a-f]{32}$", asked.Text("requestId"));

        var paused = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/pause", new { reason = "maintenance" });
        Assert.True(paused["paused"]!.GetValue<bool>());
        Assert.Equal("maintenance", paused.Text("pauseReason"));
        await console.Admin.RefusedAsync(409, "source_paused", HttpMethod.Post, $"{path}/check");
        await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/pause");

        await using var context = console.Store.Read();
        var wanted = (await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop)).Wanted;
        var resumed = await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/resume");
        Assert.False(resumed["paused"]!.GetValue<bool>());
        Assert.Null(resumed["pauseReason"]);
        Assert.Equal(wanted + 1, (await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop)).Wanted);
        await console.Admin.SendJsonAsync(HttpMethod.Post, $"{path}/resume");
        Assert.Equal(wanted + 1, (await context.Wakeups.AsNoTracking().SingleAsync(w => w.SourceId == id, Stop)).Wanted);

        Assert.True((await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { paused = true }))["paused"]!.GetValue<bool>());
        Assert.False((await console.Admin.SendJsonAsync(HttpMethod.Patch, path, new { paused = false }))["paused"]!.GetValue<bool>());
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Lists_are_filtered_and_every_source_is_on_exactly_one_page(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var batch = TestConsole.Unique("b");
        var created = new List<string>();
        for (var i = 0; i < 7; i++)
            created.Add(await console.CreateSourceAsync(labels: new { batch, number = $"{i}", odd = i % 2 == 1 ? "yes" : "no" }));
        created.Sort(StringComparer.Ordinal);

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await console.Admin.GetJsonAsync($"/api/git/sources?label=batch={batch}&limit=3{(cursor is null ? "" : $"&cursor={cursor}")}");
            Assert.InRange(page.Items().Count, 1, 3);
            seen.AddRange(page.Items().Select(s => s.Text("id")));
            cursor = page["next"]?.GetValue<string>();
        }
        while (cursor is not null);
        Assert.Equal(created, seen);

        async Task<int> CountAsync(string query) => (await console.Admin.GetJsonAsync($"/api/git/sources?label=batch={batch}&{query}")).Items().Count;
        Assert.Equal(3, await CountAsync("label=odd=yes"));
        Assert.Equal(1, await CountAsync("label=odd=yes&label=number=3"));
        Assert.Equal(7, await CountAsync("label=number"));
        Assert.Equal(0, await CountAsync("label=nothing"));
        Assert.Equal(7, await CountAsync("health=unknown"));
        Assert.Equal(0, await CountAsync("health=failing"));
        Assert.Equal(1, await CountAsync($"q={created[2].ToUpperInvariant()}"));
        Assert.Equal(7, await CountAsync("q=GIT.example"));
        Assert.Equal(0, await CountAsync("q=git_example"));
        Assert.Equal(0, await CountAsync("q=%25"));
        await console.Admin.SendJsonAsync(HttpMethod.Patch, $"/api/git/sources/{created[0]}", new { description = @"50%_of \it" });
        Assert.Equal(1, await CountAsync($"q={Uri.EscapeDataString(@"50%_OF \i")}"));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=201", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("limit=1&limit=2", "limit")]
    [InlineData("cursor=%00", "cursor")]
    [InlineData("cursor=cnVuczox", "cursor")]
    [InlineData("health=ill", "health")]
    [InlineData("label==x", "label")]
    [InlineData("label=a=%00", "label")]
    [InlineData("q=%00", "q")]
    public async Task A_bad_query_is_refused_by_name(string query, string parameter)
    {
        var console = await consoles.OnAsync(DatabaseDialect.Postgres);
        var problem = await console.Admin.RefusedAsync(400, "invalid_query", HttpMethod.Get, $"/api/git/sources?{query}");
        Assert.NotNull(problem["errors"]![parameter]);
    }

    [Theory]
    [InlineData(DatabaseDialect.Postgres)]
    [InlineData(DatabaseDialect.Sqlite)]
    public async Task Health_and_phase_say_how_the_checks_went(DatabaseDialect dialect)
    {
        var console = await consoles.OnAsync(dialect);
        var id = await console.CreateSourceAsync();
        var path = $"/api/git/sources/{id}";
        var now = TimeProvider.System.GetUtcNow();
        async Task SetAsync(int failures, DateTimeOffset? notBefore, DateTimeOffset? lease) => await console.Store.WriteAsync(
            (context, stop) => context.Wakeups.Where(w => w.SourceId == id).ExecuteUpdateAsync(
                set => set.SetProperty(w => w.Failures, failures).SetProperty(w => w.NotBefore, notBefore).SetProperty(w => w.LeaseUntil, lease)
                    .SetProperty(w => w.LastCheckedAt, now).SetProperty(w => w.ErrorCode, failures > 0 ? "auth_failed" : null),
                stop),
            Stop);
        async Task<(string, string)> StateAsync()
        {
            var state = (await console.Admin.GetJsonAsync(path))["state"]!;
            return (state.Text("health"), state.Text("phase"));
        }

        await SetAsync(0, now.AddMinutes(5), null);
        Assert.Equal(("healthy", "idle"), await StateAsync());
        await SetAsync(2, now.AddMinutes(5), null);
        Assert.Equal(("degraded", "backingOff"), await StateAsync());
        await SetAsync(3, now.AddMinutes(-5), now.AddMinutes(1));
        Assert.Equal(("failing", "checking"), await StateAsync());
        Assert.Equal("auth_failed", (await console.Admin.GetJsonAsync(path))["state"]!["error"]!.Text("code"));
        Assert.Contains((await console.Admin.GetJsonAsync("/api/git/sources?health=failing&limit=200")).Items(), s => s.Text("id") == id);
        await SetAsync(0, null, null);
    }
}
