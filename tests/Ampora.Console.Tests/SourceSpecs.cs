using System.Net;
using System.Text.Json.Nodes;
using Ampora.Database;
using Microsoft.EntityFrameworkCore;

namespace Ampora.Console.Tests;

public sealed class SourceSpecs(Consoles consoles)
{
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

        var source = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
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
        Assert.EndsWith("Z", source.Text("createdAt"));
        Assert.InRange(source["createdAt"]!.GetValue<DateTimeOffset>(), now.AddMinutes(-5), now.AddMinutes(5));
        var state = source["state"]!;
        Assert.Equal("unknown", state.Text("health"));
        Assert.Equal("idle", state.Text("phase"));
        Assert.Equal("unknown", state.Text("webhookHealth"));
        Assert.Null(state["tip"]);
        Assert.Equal(0, state["failures"]!.GetValue<int>());

        await using var context = console.Store.Read();
        var wakeup = await context.Wakeups.SingleAsync(w => w.SourceId == id, TestContext.Current.CancellationToken);
        Assert.Equal((1, 0, "git.example.com:443"), (wakeup.Wanted, wakeup.Done, wakeup.Host));
        Assert.Equal("token:admin", (await context.CheckRequests.SingleAsync(r => r.SourceId == id, TestContext.Current.CancellationToken)).Actor);
    }
}
